#include <algorithm>
#include <string_view>
#include <utility>

#include "framework/config/worker_count.hpp"
#include "framework/master/report/activity_text.hpp"
#include "framework/master/workforce/workforce.hpp"
#include "ipc/posix/proc_numbers.hpp"
#include "ipc/posix/resident_memory.hpp"

// What the workforce tells of itself: names, activities, the status.
namespace prefork::master {

namespace {

using std::chrono::milliseconds;

/// How a crash handler begins its line (framework/worker/last_words.cpp).
constexpr std::string_view kLastWords = "last words: ";

WorkStatus work_of(const ipc::CounterValues& values) {
  const auto value = [&](ipc::Counter counter) { return values[static_cast<std::size_t>(counter)]; };
  return {value(ipc::Counter::accepted), value(ipc::Counter::requests), value(ipc::Counter::datagrams),
          value(ipc::Counter::bytes_in), value(ipc::Counter::bytes_out)};
}

}  // namespace

// A flood of lines would fill the disk and push out what others say. A crash handler's line passes, once.
void Workforce::pass_on(WorkerRecord& worker, const ipc::StatusMessage& message) {
  const bool last_words = message.text.starts_with(kLastWords) && !std::exchange(worker.said_last_words, true);
  const TimePoint now = Clock::now();
  if (!last_words && !worker.log.take(now)) {
    ++crew_.totals.lines_over_rate;
    if (worker.log.has_to_tell(now)) tell_of_dropped_lines(worker, now);
    return;
  }
  const Pool& pool = crew_.pool_of(worker);
  LogSubject speaker = crew_.about(worker);
  std::optional<LogLevel> threshold;
  if (message.service > 0 && message.service <= pool.services.size()) {
    speaker.service = pool.services[message.service - 1];
    threshold = pool.log_levels[message.service - 1];
  }
  log_.pass_on(static_cast<LogLevel>(message.level), message.text, speaker, threshold);
}

void Workforce::tell_of_dropped_lines(WorkerRecord& worker, TimePoint now) {
  const std::uint64_t dropped = worker.log.dropped();
  log_.warning(crew_.name(worker) + " logs more than " + std::to_string(options_of(crew_.pool_of(worker)).log_rate) +
                   " lines a second (log-rate): " + std::to_string(dropped) +
                   (dropped == 1 ? " line of it is dropped so far" : " lines of it are dropped so far"),
               crew_.about(worker));
  worker.log.told(now);
}

void Workforce::note_lost_request(const WorkerRecord& worker) {
  const ipc::Activity activity = crew_.slot(worker).activity();
  const Pool& pool = crew_.pool_of(worker);
  if (activity.kind != ipc::ActivityKind::request || activity.service >= pool.services.size()) return;
  const std::string& service = pool.services[activity.service];
  const auto& services = pool.generation->options.services;
  const auto at = std::ranges::find(services, service, &config::ServiceOptions::name);
  const std::uint64_t now = ipc::monotonic_ns();
  lost_requests_.push_back({pool.generation, static_cast<std::size_t>(at - services.begin()), crew_.short_name(worker),
                            worker.pid, client_of(activity), request_of(activity),
                            activity.since_ns < now ? (now - activity.since_ns) / 1000 : 0});
}

void Workforce::report_worker(const WorkerRecord& worker, WorkerStatus& status) const {
  status.pool = crew_.pool_of(worker).name;
  status.index = worker.index;
  status.slot = static_cast<unsigned>(worker.slot);
  status.pid = worker.pid;
  status.generation = worker.generation;
  const Crew::Served served = crew_.serving(worker);
  status.serving = served.activity;
  status.serving_for = served.duration;
  status.state = status_name(worker.state, !status.serving.empty());
  status.uptime = std::chrono::floor<milliseconds>(Clock::now() - worker.started);
  status.connections = crew_.slot(worker).connections.load(std::memory_order_relaxed);
  status.work = work_of(crew_.scoreboard.counters(worker.slot));
  status.requests_per_second = worker.request_rate.rate();
  status.rss_bytes = ipc::resident_bytes(worker.pid);
  status.cpu = ipc::cpu_time(worker.pid);
}

// Pools of one name are one to who asks: what the server shall have is the one's that serves or comes in, and workers
// are counted together.
void Workforce::report_pool(std::size_t id, TimePoint now, StatusSnapshot& snapshot) const {
  const Pool& pool = crew_.pools.at(id);
  const auto known = std::find_if(snapshot.pools.begin(), snapshot.pools.end(),
                                  [&](const PoolStatus& status) { return status.name == pool.name; });
  PoolStatus& status = known != snapshot.pools.end() ? *known : snapshot.pools.emplace_back();
  status.running += crew_.workers.count(id);
  status.ready += crew_.workers.count_in(id, WorkerState::ready);
  if (!status.name.empty() && crew_.pools.find(pool.name) != id) return;
  status.name = pool.name;
  status.target = pool.role == Pool::Role::leaving ? 0 : pool.goal;
  status.user = pool.user;
  status.size = config::format_workers(options_of(pool));
  status.scaling = pool.held                        ? "held"
                   : !pool.scaler                   ? "fixed"
                   : pool.scaler->rule().least == 0 ? "on demand"
                                                    : "dynamic";
  if (follows_load(pool)) status.busyness = pool.scaler->busyness();
  status.failures = pool.policy.failures(now);
  if (const auto until = pool.policy.throttled_until(now)) {
    status.throttled_for = std::chrono::ceil<milliseconds>(*until - now);
  }
  if (const auto since = pool.policy.open_since(now)) {
    status.circuit_open_for = std::max(std::chrono::floor<milliseconds>(now - *since), milliseconds(1));
  }
  status.last_end = pool.last_end;
  if (const Saturation* saturation = saturation_.of(pool.name)) {
    status.waiting = saturation->waiting();
    if (const auto since = saturation->full_since()) {
      status.full_for = std::max(std::chrono::floor<milliseconds>(now - *since), milliseconds(1));
    }
  }
  if (pool.policy.last_reason() != ThrottleReason::none) {
    status.last_failure = throttle_reason_name(pool.policy.last_reason());
  }
}

Workforce::Strength Workforce::strength() const noexcept {
  Strength all;
  for (const auto& [id, pool] : crew_.pools) {
    all.ready += crew_.ready(id);
    all.running += crew_.workers.count(id);
    if (crew_.pools.find(pool.name) != id || pool.role == Pool::Role::leaving) continue;
    all.wanted += pool.goal;
    all.complete = all.complete && crew_.ready(id) >= pool.goal;
  }
  return all;
}

void Workforce::report(StatusSnapshot& snapshot) {
  const TimePoint now = Clock::now();
  if (!stopping_) saturation_.look(now);
  for (const auto& [id, pool] : crew_.pools) report_pool(id, now, snapshot);
  ipc::CounterValues totals = crew_.totals.retained;
  crew_.workers.for_each([&](WorkerRecord& worker) {
    const ipc::CounterValues values = crew_.scoreboard.counters(worker.slot);
    ipc::accumulate(totals, values);
    const auto done = values[static_cast<std::size_t>(ipc::Counter::requests)] +
                      values[static_cast<std::size_t>(ipc::Counter::datagrams)];
    worker.request_rate.update(done, now);
    WorkerStatus status;
    report_worker(worker, status);
    snapshot.connections += status.connections;
    snapshot.requests_per_second += status.requests_per_second;
    snapshot.workers.push_back(std::move(status));
  });
  snapshot.totals = work_of(totals);
  snapshot.log.dropped_by_workers = totals[static_cast<std::size_t>(ipc::Counter::log_lines_dropped)];
  snapshot.log.dropped_by_rate = crew_.totals.lines_over_rate;
  snapshot.log.access_dropped_by_workers = totals[static_cast<std::size_t>(ipc::Counter::access_lines_dropped)];
  snapshot.counters = totals;
  for (std::size_t i = 0; i < crew_.totals.departures.size(); ++i) {
    if (crew_.totals.departures[i] > 0)
      snapshot.restarts.push_back({std::string(departure_name(static_cast<Departure>(i))), crew_.totals.departures[i]});
  }
  for (const auto& [limit, count] : crew_.totals.recycled) snapshot.restarts.push_back({limit, count});
}

}  // namespace prefork::master
