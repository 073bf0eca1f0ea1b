#include "framework/master/workforce/crew_report.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "framework/config/worker_count.hpp"
#include "ipc/posix/proc_numbers.hpp"
#include "ipc/posix/resident_memory.hpp"

namespace prefork::master {

namespace {

using std::chrono::milliseconds;

WorkStatus work_of(const ipc::CounterValues& values) {
  const auto value = [&](ipc::Counter counter) { return values[static_cast<std::size_t>(counter)]; };
  return {value(ipc::Counter::accepted), value(ipc::Counter::requests), value(ipc::Counter::datagrams),
          value(ipc::Counter::bytes_in), value(ipc::Counter::bytes_out)};
}

WorkerStatus worker_status(const Crew& crew, const WorkerRecord& worker) {
  WorkerStatus status;
  status.pool = crew.pool_of(worker).name;
  status.index = worker.index;
  status.slot = static_cast<unsigned>(worker.slot);
  status.pid = worker.pid;
  status.generation = worker.generation;
  const Crew::Served served = crew.serving(worker);
  status.serving = served.activity;
  status.serving_for = served.duration;
  status.state = status_name(worker.state, !status.serving.empty());
  status.uptime = std::chrono::floor<milliseconds>(Clock::now() - worker.started);
  status.connections = crew.slot(worker).connections.load(std::memory_order_relaxed);
  status.work = work_of(crew.scoreboard.counters(worker.slot));
  status.requests_per_second = worker.request_rate.rate();
  status.rss_bytes = ipc::resident_bytes(worker.pid);
  status.cpu = ipc::cpu_time(worker.pid);
  return status;
}

std::string_view scaling_of(const Pool& pool) noexcept {
  if (pool.held) return "held";
  if (!pool.scaler) return "fixed";
  return pool.scaler->rule().least == 0 ? "on demand" : "dynamic";
}

/// At least 1, since zero means that there is nothing.
milliseconds at_least_1(TimePoint now, TimePoint since) {
  return std::max(std::chrono::floor<milliseconds>(now - since), milliseconds(1));
}

void describe_failures(const Pool& pool, TimePoint now, PoolStatus& status) {
  status.failures = pool.policy.failures(now);
  if (const auto until = pool.policy.throttled_until(now)) {
    status.throttled_for = std::chrono::ceil<milliseconds>(*until - now);
  }
  if (const auto since = pool.policy.open_since(now)) status.circuit_open_for = at_least_1(now, *since);
  status.last_end = pool.last_end;
  if (pool.policy.last_reason() != ThrottleReason::none) {
    status.last_failure = throttle_reason_name(pool.policy.last_reason());
  }
}

void describe(const Pool& pool, const Saturation* saturation, TimePoint now, PoolStatus& status) {
  status.name = pool.name;
  status.target = pool.role == PoolRole::leaving ? 0 : pool.goal;
  status.user = pool.user;
  status.size = config::format_workers(options_of(pool));
  status.scaling = scaling_of(pool);
  if (follows_load(pool)) status.busyness = pool.scaler->busyness();
  describe_failures(pool, now, status);
  if (saturation == nullptr) return;
  status.waiting = saturation->waiting();
  if (const auto since = saturation->full_since()) status.full_for = at_least_1(now, *since);
}

/// Pools with the same name are reported as one: the numbers are those of the pool that the name stands for, except
/// that workers are added up.
void report_pools(const Crew& crew, const SaturationWatch& saturation, TimePoint now, StatusSnapshot& snapshot) {
  for (const auto& [id, pool] : crew.pools) {
    const auto known = std::ranges::find(snapshot.pools, pool.name, &PoolStatus::name);
    const bool is_new = known == snapshot.pools.end();
    PoolStatus& status = is_new ? snapshot.pools.emplace_back() : *known;
    status.running += crew.workers.count(id);
    status.ready += crew.ready(id);
    if (is_new || crew.pools.find(pool.name) == id) describe(pool, saturation.of(pool.name), now, status);
  }
}

/// @return what all workers have counted, including dead ones
ipc::CounterValues report_workers(Crew& crew, TimePoint now, StatusSnapshot& snapshot) {
  ipc::CounterValues totals = crew.totals.retained;
  crew.workers.for_each([&](WorkerRecord& worker) {
    const ipc::CounterValues values = crew.scoreboard.counters(worker.slot);
    ipc::accumulate(totals, values);
    const auto done = values[static_cast<std::size_t>(ipc::Counter::requests)] +
                      values[static_cast<std::size_t>(ipc::Counter::datagrams)];
    worker.request_rate.update(done, now);
    WorkerStatus status = worker_status(crew, worker);
    snapshot.connections += status.connections;
    snapshot.requests_per_second += status.requests_per_second;
    snapshot.workers.push_back(std::move(status));
  });
  return totals;
}

void report_restarts(const Totals& totals, StatusSnapshot& snapshot) {
  for (std::size_t i = 0; i < totals.departures.size(); ++i) {
    if (totals.departures[i] == 0) continue;
    snapshot.restarts.push_back({std::string(departure_name(static_cast<Departure>(i))), totals.departures[i]});
  }
  for (const auto& [limit, count] : totals.recycled) snapshot.restarts.push_back({limit, count});
}

}  // namespace

Strength strength_of(const Crew& crew) {
  Strength all;
  for (const auto& [id, pool] : crew.pools) {
    all.ready += crew.ready(id);
    all.running += crew.workers.count(id);
    if (crew.pools.find(pool.name) != id || pool.role == PoolRole::leaving) continue;
    all.wanted += pool.goal;
    all.complete = all.complete && crew.ready(id) >= pool.goal;
  }
  return all;
}

ExitFacts exit_facts(const Crew& crew, const WorkerRecord& worker, int wait_status, const Crew::Served& served) {
  ExitFacts facts;
  facts.pool = crew.pool_of(worker).name;
  facts.index = worker.index;
  facts.pid = worker.pid;
  facts.generation = worker.generation;
  facts.wait_status = wait_status;
  facts.uptime = std::chrono::floor<std::chrono::milliseconds>(Clock::now() - worker.started);
  facts.was_ready = worker.ready.has_value();
  facts.intent = worker.intent;
  facts.start_error = worker.start_error;
  if (!served.activity.empty()) facts.activity = served.activity;
  facts.activity_for = served.duration;
  return facts;
}

void report_crew(Crew& crew, const SaturationWatch& saturation, TimePoint now, StatusSnapshot& snapshot) {
  report_pools(crew, saturation, now, snapshot);
  const ipc::CounterValues totals = report_workers(crew, now, snapshot);
  snapshot.totals = work_of(totals);
  snapshot.log.dropped_by_workers = totals[static_cast<std::size_t>(ipc::Counter::log_lines_dropped)];
  snapshot.log.dropped_by_rate = crew.totals.lines_over_rate;
  snapshot.log.access_dropped_by_workers = totals[static_cast<std::size_t>(ipc::Counter::access_lines_dropped)];
  snapshot.counters = totals;
  report_restarts(crew.totals, snapshot);
}

}  // namespace prefork::master
