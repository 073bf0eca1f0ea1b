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

/// A generation on its way in: one worker of each of its pools first, the canary, and when all of them are ready, pool
/// by pool, new before old. Every worker that can't start, or that dies by its own doing, rolls all back.
/// It decides the roles and targets of the pools of both sides; the workforce starts and retires workers as these say.
class Rollout {
 public:
  enum class Phase : std::uint8_t { canary, rolling, reverting };
  enum class Step : std::uint8_t {
    under_way,
    taken,    ///< over: the generation is the current one
    dropped,  ///< over: the generation before goes on
  };

  /// Adds the pools of `next` and makes its shared objects.
  /// @param crew, log  live longer than this
  /// @param next  with its listeners bound
  /// @param only  the pool that is rolled, the others stay as they are; nullopt: all
  /// @throws StartupError: it can't be, and nothing has changed
  Rollout(Crew& crew, Log& log, std::shared_ptr<Generation> next, const std::optional<std::string>& only,
          TimePoint now);
  Rollout(const Rollout&) = delete;
  Rollout& operator=(const Rollout&) = delete;

  /// Sets the targets of the pools that it is about, and goes on as far as their workers are. To be called in each turn
  /// of the loop until it is over.
  Step advance(TimePoint now);
  /// Decides whether a worker that left unwanted is a reason to roll back.
  /// @param why  its exit report; empty: it still lives
  void judge(const WorkerRecord& worker, Departure departure, const std::string& why, TimePoint now);
  /// @return why it is rolled back, once; nullopt: it is not, or this was told.
  std::optional<std::string> take_failure() noexcept { return std::exchange(failure_, std::nullopt); }

  Phase phase() const noexcept { return phase_; }
  /// "canary", "rolling", "rolling back"
  std::string_view phase_name() const noexcept;
  /// When advance() is to be called again at the latest.
  TimePoint patience() const noexcept { return patience_; }
  /// What is listened on when it is over, as things stand.
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
  std::vector<std::size_t> removed_;  ///< pools that have no successor
  Phase phase_ = Phase::canary;
  TimePoint patience_{};                          ///< until the next worker gets ready, or the old ones are back
  std::chrono::milliseconds progress_within_{0};  ///< how long that may take
  unsigned most_ready_ = 0;                       ///< workers of it that have been ready together
  unsigned unanswered_ = 0;  ///< workers of it that died over a client in a row, none having answered any
  std::optional<std::string> failure_;
};

}  // namespace prefork::master
