#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "framework/master/log/log.hpp"
#include "framework/master/workforce/crew.hpp"

namespace prefork::master {

/// Chooses the workers to replace because they have reached a limit of their pool. The successor comes first: the pool
/// exceeds its size until the successor is ready. The workforce starts, retires and kills workers.
class Recycling {
 public:
  /// @param crew, log  must outlive this object
  Recycling(Crew& crew, Log& log) : crew_(crew), log_(log) {}

  /// A worker says that it has reached a limit: "max-requests ...". It keeps serving until it is its turn.
  /// @return false: there is no limit with that name
  bool ask(WorkerRecord& worker, const std::string& reason, TimePoint now);
  /// Begins the replacement of workers that have asked, as many as their pool's pace allows.
  void begin_due(TimePoint now);
  /// How many workers a pool should have beyond its goal, so that the workers to be replaced can leave.
  unsigned successors(std::size_t pool) const noexcept;
  /// @return workers of a pool that should retire now: those being replaced, as far as successors are ready
  std::vector<WorkerRecord*> replaced(std::size_t pool);
  /// @return workers that should be killed because they use more memory than max-rss-hard. Checks once a second.
  std::vector<WorkerRecord*> bloated(TimePoint now);

  /// When to call begin_due() and bloated() again; nullopt: nothing waits.
  std::optional<TimePoint> next_turn(TimePoint now) const;
  std::optional<TimePoint> next_rss_check() const noexcept { return next_rss_check_; }

 private:
  bool is_bloated(const WorkerRecord& worker) const;

  Crew& crew_;
  Log& log_;
  std::optional<TimePoint> next_rss_check_;  ///< nullopt: no pool has a hard limit
};

}  // namespace prefork::master
