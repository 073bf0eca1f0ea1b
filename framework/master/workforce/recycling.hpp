#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "framework/master/log/log.hpp"
#include "framework/master/workforce/crew.hpp"

namespace prefork::master {

/// Chooses the workers that are replaced because they have reached a limit of their pool. The successor comes first:
/// the pool is over its size until it is ready. The workforce starts, retires and kills.
class Recycling {
 public:
  /// @param crew, log  live longer than this
  Recycling(Crew& crew, Log& log) : crew_(crew), log_(log) {}

  /// A worker says that it has reached a limit: "max-requests ...". It serves on until it is its turn.
  /// @return false: no limit has that name
  bool ask(WorkerRecord& worker, const std::string& reason, TimePoint now);
  /// Gives their turn to workers that have asked, as many as their pool's pace allows.
  void begin_due(TimePoint now);
  /// How many workers a pool should have over its goal, so that those that are due can go.
  unsigned successors(std::size_t pool) const noexcept;
  /// @return workers of a pool that should retire now: those that are due, as far as successors are ready.
  std::vector<WorkerRecord*> replaced(std::size_t pool);
  /// @return workers that should be killed: they have more memory than max-rss-hard. Looks once a second.
  std::vector<WorkerRecord*> bloated(TimePoint now);

  /// When begin_due() and bloated() should be called again; nullopt: nothing waits.
  std::optional<TimePoint> next_turn(TimePoint now) const;
  std::optional<TimePoint> next_rss_check() const noexcept { return next_rss_check_; }

 private:
  bool is_bloated(const WorkerRecord& worker) const;

  Crew& crew_;
  Log& log_;
  std::optional<TimePoint> next_rss_check_;  ///< nullopt: no pool has a hard limit
};

}  // namespace prefork::master
