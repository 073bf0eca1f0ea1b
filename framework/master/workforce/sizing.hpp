#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "framework/master/log/log.hpp"
#include "framework/master/loop/reactor.hpp"
#include "framework/master/policy/scaler.hpp"
#include "framework/master/workforce/crew.hpp"

namespace prefork::master {

/// Decides how many workers each pool should have: as configured, as its load needs, or as somebody has set it. It sets
/// the goals of pools and chooses which workers leave; the workforce starts and retires workers. Pools of a fixed size
/// cost nothing: no timer, no sample.
class Sizing {
 public:
  /// @param crew, reactor, log  must outlive this object
  Sizing(Crew& crew, Reactor& reactor, Log& log) : crew_(crew), reactor_(reactor), log_(log) {}

  /// Sets a pool's size; a pool of MIN..MAX keeps it until follow_load() or a rollout. @return false: the scoreboard
  /// has no room
  bool set_goal(std::size_t pool, unsigned workers);
  /// Gives a pool the size of its configuration, or returns it to its scaler. @return false: the scoreboard has no room
  bool follow_load(std::size_t pool);
  /// The configured size: "4", "1..8".
  std::string size_text(std::size_t pool) const;
  /// Sets the size of all pools to zero until follow_load() or a rollout.
  void empty_all();

  /// Takes the samples that are due, and sets the goals of pools that follow their load.
  /// @return idle workers that should retire, so that their pools shrink
  std::vector<WorkerRecord*> scale(TimePoint now);
  /// When to call scale() again; nullopt: no pool follows its load.
  std::optional<TimePoint> next_sample() const noexcept { return next_sample_; }
  /// Watches the sockets of pools without workers: their first client starts one.
  void watch_for_clients();
  void stop_watching();

  /// @return the workers that a pool has beyond its target, those with the least to lose
  std::vector<WorkerRecord*> surplus(std::size_t pool);

 private:
  std::size_t room_beside(std::size_t pool) const noexcept;
  void wake(Pool& pool, TimePoint now);
  LoadSample sample(std::size_t pool);
  void resize(std::size_t pool, TimePoint now, std::vector<WorkerRecord*>& retiring);
  std::vector<WorkerRecord*> idle(std::size_t pool);
  bool is_empty(std::size_t id, const Pool& pool) const noexcept;
  void watch(Pool& pool);

  Crew& crew_;
  Reactor& reactor_;
  Log& log_;
  std::optional<TimePoint> next_sample_;
};

}  // namespace prefork::master
