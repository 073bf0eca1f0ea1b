#include <algorithm>
#include <atomic>
#include <utility>

#include "framework/master/policy/request_patience.hpp"
#include "framework/master/workforce/workforce.hpp"

// How long the workers may take: their states, their heartbeats, their requests.
namespace prefork::master {

namespace {

constexpr std::chrono::seconds kPaceTold{60};

}  // namespace

// The worker's own number, which is believed only as far as it makes sense.
TimePoint Workforce::last_beat(const WorkerRecord& worker) const {
  const std::uint64_t ns = crew_.slot(worker).heartbeat_ns.load(std::memory_order_relaxed);
  return Clock::at(std::min(ns, ipc::monotonic_ns()));
}

WorkerLimits Workforce::limits_of(const WorkerRecord& worker) const {
  const Pool& pool = crew_.pool_of(worker);
  WorkerLimits limits = pool.limits;
  if (pool.request_timeouts.empty()) return limits;
  const ipc::WorkerSlot& slot = crew_.slot(worker);
  const bool waits = slot.waits.load(std::memory_order_relaxed);
  const auto patience = request_patience(slot.activity(), waits, pool.request_timeouts);
  if (patience && (limits.heartbeat.count() == 0 || *patience < limits.heartbeat)) limits.heartbeat = *patience;
  return limits;
}

// What the worker does is read first: the heartbeat that is read then is at least as new (WorkerSlot::beat).
std::optional<WorkerDeadline> Workforce::deadline_of(const WorkerRecord& worker) const {
  const WorkerLimits limits = limits_of(worker);
  std::atomic_thread_fence(std::memory_order_acquire);
  auto deadline = master::next_deadline(worker.state, worker.entered, last_beat(worker), limits);
  // After a standstill of all a worker may come to itself later than the master.
  const auto resumed = Clock::resumed();
  if (deadline && deadline->event == WorkerEvent::heartbeat_lost && resumed) {
    deadline->at = std::max(deadline->at, *resumed + kBeatPeriod + kLeastWaiting);
  }
  return deadline;
}

std::optional<TimePoint> Workforce::next_look(const WorkerRecord& worker, TimePoint now) const {
  if (worker.state != WorkerState::ready && worker.state != WorkerState::retiring) return std::nullopt;
  const TimePoint last = std::max(worker.entered, last_beat(worker));
  return master::next_look(last, now, crew_.pool_of(worker).request_timeouts);
}

bool Workforce::is_overdue(const WorkerRecord& worker) const {
  return limits_of(worker).heartbeat != crew_.pool_of(worker).limits.heartbeat;
}

// As often as somebody can read it.
void Workforce::tell_of_pace(Pool& pool, TimePoint now) {
  if (!pool.policy.paced(now) || (pool.told_pace && now - *pool.told_pace < kPaceTold)) return;
  pool.told_pace = now;
  log_.error("pool " + pool.name + ": workers that serve die faster than a hundred a second: their replacements wait");
}

void Workforce::tell_of_circuit(Pool& pool, TimePoint now) {
  const bool open = pool.policy.open_since(now).has_value();
  if (std::exchange(pool.told_open, open) == open) return;
  if (open) {
    log_.error("pool " + pool.name + ": the circuit is open: " + std::to_string(pool.policy.failures(now)) +
               " failures in a row, the last: " + pool.last_end + "; now and then one worker is tried");
  } else {
    log_.notice("pool " + pool.name + ": the circuit is closed");
  }
}

}  // namespace prefork::master
