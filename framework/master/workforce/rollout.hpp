#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framework/master/log/log.hpp"
#include "framework/master/policy/restart_policy.hpp"
#include "framework/master/workforce/crew.hpp"

namespace prefork::master {

/// Rolls a generation in: first one worker of each of its pools, the canary, and when all of these are ready, pool by
/// pool, new before old. If a worker can't start, or dies by its own fault, everything is rolled back. This class
/// decides the roles and targets of the pools on both sides; the workforce starts and retires workers accordingly.
class Rollout {
 public:
  enum class Phase : std::uint8_t { canary, rolling, reverting };
  enum class Step : std::uint8_t {
    under_way,
    taken,    ///< over: the generation is the current one
    dropped,  ///< over: the previous generation continues
  };

  /// Adds the pools of `next` and makes its shared objects.
  /// @param crew, log  must outlive this object
  /// @param next  with its listeners bound
  /// @param only  the one pool to roll, while the others stay as they are; nullopt: all
  /// @throws StartupError: it is not possible, and nothing has changed
  Rollout(Crew& crew, Log& log, std::shared_ptr<Generation> next, const std::optional<std::string>& only,
          TimePoint now);
  Rollout(const Rollout&) = delete;
  Rollout& operator=(const Rollout&) = delete;

  /// Sets the targets of the pools concerned, and advances as far as their workers allow. Must be called in each turn
  /// of the loop until the rollout is over.
  Step advance(TimePoint now);
  /// Decides whether a worker that left unexpectedly is a reason to roll back.
  /// @param why  its exit report; empty: it is still alive
  void judge(const WorkerRecord& worker, Departure departure, const std::string& why, TimePoint now);
  /// @return why it is rolled back, once; nullopt: it is not, or this was already returned
  std::optional<std::string> take_failure() noexcept { return std::exchange(failure_, std::nullopt); }

  Phase phase() const noexcept { return phase_; }
  /// "canary", "rolling", "rolling back"
  std::string_view phase_name() const noexcept;
  /// The latest time to call advance() again.
  TimePoint patience() const noexcept { return patience_; }
  /// What will be listened on when it is over, as things stand.
  const ListenerSet& lasting_listeners() const noexcept;

 private:
  struct Pair {
    std::size_t incoming;
    std::optional<std::size_t> outgoing;  ///< nullopt: the pool is new
  };

  void make_objects();
  void pair_pools(const std::optional<std::string>& only);
  void check_progress(TimePoint now);
  void check_canaries();
  Step roll_on();
  Step roll_back(TimePoint now);
  void keep_last_workers();
  bool serves_what_goes(const Pool& pool) const;
  void take();
  void drop();
  void leave(std::size_t pool);
  void release_listeners();
  void fail(const std::string& why, TimePoint now);
  bool answers(std::size_t pool) const;

  Crew& crew_;
  Log& log_;
  std::shared_ptr<Generation> next_;
  std::vector<Pair> pairs_;
  std::vector<std::size_t> removed_;  ///< pools without a successor
  Phase phase_ = Phase::canary;
  TimePoint patience_{};                          ///< until the next worker becomes ready, or the old ones are back
  std::chrono::milliseconds progress_within_{0};  ///< how long that may take
  unsigned most_ready_ = 0;                       ///< the most workers of it that were ready at the same time
  unsigned unanswered_ = 0;  ///< how many of its workers in a row died while serving a client, none of which answered
                             ///< any
  std::optional<std::string> failure_;
};

}  // namespace prefork::master
