#include "framework/master/workforce/recycling.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "framework/master/policy/roll_targets.hpp"
#include "ipc/posix/resident_memory.hpp"

namespace prefork::master {

namespace {

constexpr std::chrono::seconds kRssPause{1};
constexpr std::chrono::seconds kTellEvery{10};

/// The limits that a worker may name; otherwise it could put names of its own into the status.
constexpr std::array<std::string_view, 3> kLimits{"max-requests", "max-lifetime", "max-rss"};

}  // namespace

// It may have said so before it noticed the order to leave.
bool Recycling::ask(WorkerRecord& worker, const std::string& reason, TimePoint now) {
  if (!counts_towards_pool(worker.state) || !worker.recycle.empty()) return true;
  const std::string limit = reason.substr(0, reason.find(' '));
  if (std::ranges::find(kLimits, limit) == kLimits.end()) return false;
  if (!worker.recycle_wanted.empty()) return true;
  worker.recycle_wanted = limit;
  log_.info(crew_.name(worker) + " is to be replaced: " + reason, crew_.about(worker));
  begin_due(now);
  return true;
}

// A worker that asks repeatedly right after its start, or without reason, keeps serving until it is its turn.
void Recycling::begin_due(TimePoint now) {
  crew_.workers.for_each([&](WorkerRecord& worker) {
    if (!awaits_recycle(worker)) return;
    Pool& pool = crew_.pool_of(worker);
    if (pool.recycles.take(now)) {
      worker.recycle = std::exchange(worker.recycle_wanted, {});
      ++crew_.totals.recycled[worker.recycle];
    } else if (!pool.told_recycles || *pool.told_recycles + kTellEvery <= now) {
      pool.told_recycles = now;
      log_.warning("pool " + pool.name + ": its workers ask too often to be replaced (" + worker.recycle_wanted +
                   "): they keep serving, and are replaced one by one");
    }
  });
}

unsigned Recycling::successors(std::size_t pool) const noexcept {
  const Pool& of = crew_.pools.at(pool);
  return of.goal == 0 ? 0 : std::min(crew_.workers.count_due(pool), roll_surge(of.goal));
}

std::vector<WorkerRecord*> Recycling::replaced(std::size_t pool) {
  std::vector<WorkerRecord*> going;
  const Pool& of = crew_.pools.at(pool);
  if (of.role != PoolRole::serving) return going;
  const unsigned ready = crew_.ready(pool);
  crew_.workers.for_each([&](WorkerRecord& worker) {
    if (worker.pool != pool || worker.state != WorkerState::ready || worker.recycle.empty()) return;
    if (ready > of.goal + going.size()) going.push_back(&worker);
  });
  return going;
}

// A worker that is stuck in a handler does not check itself.
std::vector<WorkerRecord*> Recycling::bloated(TimePoint now) {
  std::vector<WorkerRecord*> found;
  if (next_rss_check_ && now < *next_rss_check_) return found;
  bool limited = false;
  crew_.workers.for_each([&](WorkerRecord& worker) {
    limited = limited || crew_.pool_of(worker).max_rss_hard > 0;
    if (is_bloated(worker)) found.push_back(&worker);
  });
  next_rss_check_.reset();
  if (limited) next_rss_check_ = now + kRssPause;
  if (!found.empty()) crew_.totals.recycled["max-rss-hard"] += found.size();
  return found;
}

bool Recycling::is_bloated(const WorkerRecord& worker) const {
  const std::uint64_t limit = crew_.pool_of(worker).max_rss_hard;
  const bool lives = worker.state == WorkerState::ready || worker.state == WorkerState::retiring;
  if (limit == 0 || !lives) return false;
  const std::uint64_t bytes = ipc::resident_bytes(worker.pid);
  if (bytes < limit) return false;
  log_.error(crew_.name(worker) + " has " + std::to_string(bytes) +
                 " bytes of memory, more than max-rss-hard: it is killed" + crew_.serving_text(worker),
             crew_.about(worker));
  return true;
}

std::optional<TimePoint> Recycling::next_turn(TimePoint now) const {
  std::optional<TimePoint> next;
  crew_.workers.for_each([&](const WorkerRecord& worker) {
    if (!awaits_recycle(worker)) return;
    const TimePoint at = crew_.pool_of(worker).recycles.next(now);
    if (!next || at < *next) next = at;
  });
  return next;
}

}  // namespace prefork::master
