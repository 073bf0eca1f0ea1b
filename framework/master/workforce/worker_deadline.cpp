#include "framework/master/workforce/worker_deadline.hpp"

#include <algorithm>
#include <atomic>

#include "framework/master/policy/request_patience.hpp"

namespace prefork::master {

namespace {

// The worker's own number, which is used only as far as it makes sense.
TimePoint last_beat(const Crew& crew, const WorkerRecord& worker) {
  const std::uint64_t ns = crew.slot(worker).heartbeat_ns.load(std::memory_order_relaxed);
  return Clock::at(std::min(ns, ipc::monotonic_ns()));
}

WorkerLimits limits_of(const Crew& crew, const WorkerRecord& worker) {
  const Pool& pool = crew.pool_of(worker);
  WorkerLimits limits = pool.limits;
  if (pool.request_timeouts.empty()) return limits;
  const ipc::WorkerSlot& slot = crew.slot(worker);
  const bool waits = slot.waits.load(std::memory_order_relaxed);
  const auto patience = request_patience(slot.activity(), waits, pool.request_timeouts);
  if (patience && (limits.heartbeat.count() == 0 || *patience < limits.heartbeat)) limits.heartbeat = *patience;
  return limits;
}

}  // namespace

// The worker's activity is read first: a heartbeat read after it is at least as new (WorkerSlot::beat).
std::optional<WorkerDeadline> deadline_of(const Crew& crew, const WorkerRecord& worker) {
  const WorkerLimits limits = limits_of(crew, worker);
  std::atomic_thread_fence(std::memory_order_acquire);
  auto deadline = next_deadline(worker.state, worker.entered, last_beat(crew, worker), limits);
  // After a standstill of the whole machine a worker may continue later than the master.
  const auto resumed = Clock::resumed();
  if (deadline && deadline->event == WorkerEvent::heartbeat_lost && resumed) {
    deadline->at = std::max(deadline->at, *resumed + kBeatPeriod + kLeastWaiting);
  }
  return deadline;
}

std::optional<TimePoint> next_look_at(const Crew& crew, const WorkerRecord& worker, TimePoint now) {
  if (worker.state != WorkerState::ready && worker.state != WorkerState::retiring) return std::nullopt;
  const TimePoint last = std::max(worker.entered, last_beat(crew, worker));
  return next_look(last, now, crew.pool_of(worker).request_timeouts);
}

bool is_at_request(const Crew& crew, const WorkerRecord& worker) {
  return limits_of(crew, worker).heartbeat != crew.pool_of(worker).limits.heartbeat;
}

}  // namespace prefork::master
