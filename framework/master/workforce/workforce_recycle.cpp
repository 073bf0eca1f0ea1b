#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "framework/master/policy/roll_targets.hpp"
#include "framework/master/workforce/workforce.hpp"
#include "ipc/posix/resident_memory.hpp"

// How the workforce replaces workers that have reached a limit of their pool: the successor comes first.
namespace prefork::master {

namespace {

constexpr std::chrono::seconds kRssPause{1};
constexpr std::chrono::seconds kTellEvery{10};

/// What a worker may say; anything else would be a name of its own making in the status.
constexpr std::array<std::string_view, 3> kLimits{"max-requests", "max-lifetime", "max-rss"};

}  // namespace

// The worker serves on. It may have said so while it was told to go.
void Workforce::recycle(WorkerRecord& worker, const std::string& reason) {
  if (!counts_towards_pool(worker.state) || !worker.recycle.empty()) return;
  const std::string limit = reason.substr(0, reason.find(' '));
  if (std::find(kLimits.begin(), kLimits.end(), limit) == kLimits.end()) return hears_nonsense(worker);
  if (!worker.recycle_wanted.empty()) return;
  worker.recycle_wanted = limit;
  log_.info(crew_.name(worker) + " is to be replaced: " + reason, crew_.about(worker));
  begin_recycles(Clock::now());
}

// Who asks again and again right after its start, or says so without reason, serves on until it is its turn.
void Workforce::begin_recycles(TimePoint now) {
  crew_.workers.for_each([&](WorkerRecord& worker) {
    if (!awaits_recycle(worker)) return;
    Pool& pool = crew_.pool_of(worker);
    if (pool.recycles.take(now)) {
      worker.recycle = std::exchange(worker.recycle_wanted, {});
      ++recycled_[worker.recycle];
    } else if (!pool.told_recycles || *pool.told_recycles + kTellEvery <= now) {
      pool.told_recycles = now;
      log_.warning("pool " + pool.name + ": its workers ask too often to be replaced (" + worker.recycle_wanted +
                   "): they serve on, and are replaced one by one");
    }
  });
}

/// How many workers the pool has over its size, so that those that are due can go.
unsigned Workforce::successors(std::size_t pool) const noexcept {
  const Pool& of = crew_.pools.at(pool);
  return of.goal == 0 ? 0 : std::min(crew_.workers.count_due(pool), roll_surge(of.goal));
}

void Workforce::replace_due(std::size_t pool) {
  const Pool& of = crew_.pools.at(pool);
  if (of.role != Pool::Role::serving) return;
  unsigned spare = crew_.ready(pool) > of.goal ? crew_.ready(pool) - of.goal : 0;
  crew_.workers.for_each([&](WorkerRecord& worker) {
    if (spare == 0 || worker.pool != pool || worker.state != WorkerState::ready || worker.recycle.empty()) return;
    apply(worker, WorkerEvent::retire_wanted);
    --spare;
  });
}

// A worker that is stuck in a handler does not look at itself.
void Workforce::kill_bloated(TimePoint now) {
  if (next_rss_check_ && now < *next_rss_check_) return;
  bool limited = false;
  crew_.workers.for_each([&](WorkerRecord& worker) {
    const std::uint64_t limit = crew_.pool_of(worker).max_rss_hard;
    limited = limited || limit > 0;
    const bool lives = worker.state == WorkerState::ready || worker.state == WorkerState::retiring;
    if (limit == 0 || !lives) return;
    const std::uint64_t bytes = ipc::resident_bytes(worker.pid);
    if (bytes < limit) return;
    log_.error(crew_.name(worker) + " has " + std::to_string(bytes) +
                   " bytes of memory, more than max-rss-hard: it is killed" + crew_.serving_text(worker),
               crew_.about(worker));
    ++recycled_["max-rss-hard"];
    apply(worker, WorkerEvent::kill_wanted);
  });
  next_rss_check_.reset();
  if (limited) next_rss_check_ = now + kRssPause;
}

}  // namespace prefork::master
