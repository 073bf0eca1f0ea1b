#include "framework/master/report/metrics_text.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "framework/master/policy/restart_policy.hpp"
#include "framework/master/policy/worker_state.hpp"
#include "framework/master/report/prometheus_writer.hpp"

namespace prefork::master {

namespace {

constexpr std::string_view kCounter = "counter";
constexpr std::string_view kGauge = "gauge";

double seconds(std::chrono::milliseconds duration) { return static_cast<double>(duration.count()) / 1000; }

void write_master(PrometheusWriter& out, const MasterStatus& master) {
  out.family("prefork_build_info", kGauge, "The version of prefork-master; always 1.")
      .sample({{"version", master.version}}, 1);
  out.family("prefork_uptime_seconds", kGauge, "How long the master has been running.")
      .sample({}, seconds(master.uptime));
  out.family("prefork_stopping", kGauge, "1 while the server is stopping.").sample({}, master.stopping ? 1 : 0);
  out.family("prefork_generation", kGauge, "The number of the configuration in use.").sample({}, master.generation);
  out.family("prefork_reloading", kGauge, "1 while a reload is under way.").sample({}, master.reload.empty() ? 0 : 1);
  out.family("prefork_reloads_total", kCounter, "Reloads by how they ended.")
      .sample({{"result", "done"}}, master.reloads_done)
      .sample({{"result", "failed"}}, master.reloads_failed);
  out.family("prefork_master_resident_memory_bytes", kGauge, "The master's resident memory.")
      .sample({}, master.rss_bytes);
  out.family("prefork_master_cpu_seconds_total", kCounter, "CPU time that the master has used.")
      .sample({}, seconds(master.cpu));
  out.family("prefork_master_longest_turn_seconds", kGauge, "The longest turn of the master's loop.")
      .sample({}, std::chrono::duration<double>(master.longest_turn).count());
}

// All names that status_name() returns, so that each series exists from the start.
std::set<std::string_view> state_names() {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < static_cast<std::size_t>(WorkerState::gone); ++i) {
    for (const bool busy : {false, true}) names.insert(status_name(static_cast<WorkerState>(i), busy));
  }
  return names;
}

void write_pools(PrometheusWriter& out, const StatusSnapshot& status) {
  std::map<std::string_view, std::map<std::string_view, unsigned>> states;
  std::map<std::string_view, std::uint64_t> connections;
  for (const PoolStatus& pool : status.pools) {
    for (const std::string_view state : state_names()) states[pool.name][state] = 0;
    connections[pool.name] = 0;
  }
  for (const WorkerStatus& worker : status.workers) {
    ++states[worker.pool][worker.state];
    connections[worker.pool] += worker.connections;
  }
  out.family("prefork_pool_workers", kGauge, "Workers by pool and state.");
  for (const auto& [pool, counts] : states) {
    for (const auto& [state, count] : counts) out.sample({{"pool", pool}, {"state", state}}, count);
  }
  out.family("prefork_pool_workers_wanted", kGauge, "How many workers a pool should have.");
  for (const PoolStatus& pool : status.pools) out.sample({{"pool", pool.name}}, pool.target);
  out.family("prefork_pool_connections", kGauge, "Connections that a pool's workers hold.");
  for (const auto& [pool, count] : connections) out.sample({{"pool", pool}}, count);
  out.family("prefork_pool_failures", kGauge, "Failures of a pool's workers in a row, to start or to stay alive.");
  for (const PoolStatus& pool : status.pools) out.sample({{"pool", pool.name}}, pool.failures);
  out.family("prefork_pool_throttled_seconds", kGauge, "How long a pool waits until it tries to start a worker again.");
  for (const PoolStatus& pool : status.pools) out.sample({{"pool", pool.name}}, seconds(pool.throttled_for));
  out.family("prefork_pool_circuit_open_seconds", kGauge, "How long a pool's circuit has been open; 0: it is closed.");
  for (const PoolStatus& pool : status.pools) out.sample({{"pool", pool.name}}, seconds(pool.circuit_open_for));
  out.family("prefork_pool_waiting_clients", kGauge, "What waits for a pool's workers.");
  for (const PoolStatus& pool : status.pools) out.sample({{"pool", pool.name}}, pool.waiting);
  out.family("prefork_pool_full_seconds", kGauge, "How long a pool has been full while clients wait; 0: it is not.");
  for (const PoolStatus& pool : status.pools) out.sample({{"pool", pool.name}}, seconds(pool.full_for));
  out.family("prefork_pool_busyness_ratio", kGauge, "How busy the workers of a pool are that follows its load.");
  for (const PoolStatus& pool : status.pools) {
    if (pool.scaling == "dynamic" || pool.scaling == "on demand") out.sample({{"pool", pool.name}}, pool.busyness);
  }
}

void write_restarts(PrometheusWriter& out, const StatusSnapshot& status) {
  std::map<std::string_view, std::uint64_t> counts;
  for (std::size_t i = 0; i < kDepartureCount; ++i) counts[departure_name(static_cast<Departure>(i))] = 0;
  for (const RestartCount& restart : status.restarts) counts[restart.reason] = restart.count;
  out.family("prefork_worker_restarts_total", kCounter, "Workers that had to be replaced, by reason.");
  for (const auto& [reason, count] : counts) out.sample({{"reason", reason}}, count);
}

void write_workers(PrometheusWriter& out, const StatusSnapshot& status) {
  const auto each = [&](auto number) {
    for (const WorkerStatus& worker : status.workers) {
      out.sample({{"pool", worker.pool}, {"slot", std::to_string(worker.slot)}}, number(worker));
    }
  };
  out.family("prefork_worker_resident_memory_bytes", kGauge, "Resident memory of the worker in a slot.");
  each([](const WorkerStatus& worker) { return worker.rss_bytes; });
  out.family("prefork_worker_cpu_seconds_total", kCounter, "CPU time that the worker in a slot has used.");
  each([](const WorkerStatus& worker) { return seconds(worker.cpu); });
}

struct CounterFamily {
  ipc::Counter counter;
  std::string_view name;
  std::string_view help;
};
constexpr std::array kWork{
    CounterFamily{ipc::Counter::accepted, "prefork_connections_accepted_total", "Connections that workers accepted."},
    CounterFamily{ipc::Counter::requests, "prefork_requests_total", "Requests answered."},
    CounterFamily{ipc::Counter::datagrams, "prefork_datagrams_total", "Datagrams that workers received."},
    CounterFamily{ipc::Counter::bytes_in, "prefork_received_bytes_total", "Bytes from clients."},
    CounterFamily{ipc::Counter::bytes_out, "prefork_sent_bytes_total", "Bytes to clients."},
    CounterFamily{ipc::Counter::replies_dropped, "prefork_replies_dropped_total",
                  "Datagrams to clients that the kernel did not take."},
    CounterFamily{ipc::Counter::accept_pauses, "prefork_accept_pauses_total",
                  "Times that a worker left a listener to others: it had too large a share, or no descriptors."},
    CounterFamily{ipc::Counter::handler_errors, "prefork_handler_errors_total", "Exceptions thrown by services."},
    CounterFamily{ipc::Counter::timeouts, "prefork_timeouts_total", "Connections closed by a deadline."},
};

void write_work(PrometheusWriter& out, const StatusSnapshot& status) {
  const auto count = [&](ipc::Counter counter) { return status.counters[static_cast<std::size_t>(counter)]; };
  for (const CounterFamily& family : kWork) {
    out.family(family.name, kCounter, family.help).sample({}, count(family.counter));
  }
  out.family("prefork_log_lines_dropped_total", kCounter, "Lines of the server's log that could not be written.")
      .sample({{"by", "master"}}, status.log.dropped)
      .sample({{"by", "workers"}}, status.log.dropped_by_workers)
      .sample({{"by", "rate"}}, status.log.dropped_by_rate);
  out.family("prefork_access_log_lines_dropped_total", kCounter, "Lines that an access log's writer could not write.");
  for (const AccessLogStatus& log : status.log.access) out.sample({{"path", log.path}}, log.dropped);
  out.family("prefork_access_log_lines_unsent_total", kCounter,
             "Lines of access logs that workers dropped because a writer did not keep up.")
      .sample({}, status.log.access_dropped_by_workers);
}

void write_latencies(PrometheusWriter& out, const StatusSnapshot& status) {
  out.family("prefork_http_request_duration_seconds", "histogram",
             "The time from when a worker found a request to its answer; of a stream, to its beginning.");
  for (const ServiceStatus& service : status.services) {
    if (!service.latency) continue;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < LatencyStatus::kBounds; ++i) {
      below += service.latency->buckets[i];
      out.sample(
          "_bucket",
          {{"service", service.name}, {"le", fmt::format("{}", static_cast<double>(LatencyStatus::bound_ns(i)) / 1e9)}},
          below);
    }
    out.sample("_bucket", {{"service", service.name}, {"le", "+Inf"}}, service.latency->count);
    out.sample("_sum", {{"service", service.name}}, service.latency->sum_seconds);
    out.sample("_count", {{"service", service.name}}, service.latency->count);
  }
}

void write_responses(PrometheusWriter& out, const StatusSnapshot& status) {
  out.family("prefork_http_responses_total", kCounter,
             "Responses by class of status; 1xx: only 101, with which WebSockets begin.");
  for (const ServiceStatus& service : status.services) {
    if (!service.responses) continue;
    for (std::size_t i = 0; i < service.responses->by_class.size(); ++i) {
      out.sample({{"service", service.name}, {"code", kStatusClasses[i]}}, service.responses->by_class[i]);
    }
  }
  out.family("prefork_http_requests_shed_total", kCounter,
             "Requests that had waited longer than queue-timeout and were answered with 503.");
  for (const ServiceStatus& service : status.services) {
    if (service.responses) out.sample({{"service", service.name}}, service.responses->shed);
  }
}

// Several services may share an address; its queue is reported once.
void write_queues(PrometheusWriter& out, const StatusSnapshot& status) {
  std::map<std::string_view, const ListenerStatus*> streams, datagrams;
  for (const ListenerStatus& listener : status.listeners) {
    const bool accepts = listener.scheme == "tcp" || listener.scheme == "unix";
    if (listener.queue) (accepts ? streams : datagrams).emplace(listener.address, &listener);
  }
  const auto each = [&](const auto& listeners, std::uint64_t ipc::SocketQueue::*number) {
    for (const auto& [address, listener] : listeners) out.sample({{"address", address}}, (*listener->queue).*number);
  };
  out.family("prefork_accept_queue_connections", kGauge, "Connections that wait to be accepted.");
  each(streams, &ipc::SocketQueue::waiting);
  out.family("prefork_accept_queue_limit", kGauge, "How many connections may wait to be accepted.");
  each(streams, &ipc::SocketQueue::limit);
  out.family("prefork_host_listen_overflows_total", kCounter,
             "Connections dropped because a queue was full, of all servers in this network namespace.");
  if (status.overflows) out.sample({}, *status.overflows);
  out.family("prefork_datagram_queue_bytes", kGauge, "Memory of datagrams that wait to be received.");
  each(datagrams, &ipc::SocketQueue::waiting);
  out.family("prefork_datagram_queue_limit_bytes", kGauge, "How much memory waiting datagrams may take.");
  each(datagrams, &ipc::SocketQueue::limit);
  out.family("prefork_datagrams_dropped_total", kCounter, "Datagrams that found no room in the socket's queue.");
  each(datagrams, &ipc::SocketQueue::dropped);
}

// The only "loss" that can go down again: preforkctl queue requeue.
bool is_dead_letters(const std::pair<std::string, std::uint64_t>& loss) { return loss.first == "dead letters"; }

void write_shared(PrometheusWriter& out, const std::vector<SharedStatus>& shared) {
  const auto of_kind = [&](std::string_view kind, auto number) {
    for (const SharedStatus& object : shared) {
      if (object.kind == kind) out.sample({{"name", object.name}}, number(object));
    }
  };
  const auto fill = [](const SharedStatus& object) { return object.fill; };
  const auto limit = [](const SharedStatus& object) { return object.limit; };
  out.family("prefork_queue_messages", kGauge, "Messages in a shared queue, including those that workers hold.");
  of_kind("queue", fill);
  out.family("prefork_queue_limit", kGauge, "How many messages a shared queue has room for.");
  of_kind("queue", limit);
  out.family("prefork_queue_dead_letters", kGauge, "Undeliverable messages that a shared queue keeps.");
  of_kind("queue", [](const SharedStatus& object) {
    const auto found = std::find_if(object.losses.begin(), object.losses.end(), is_dead_letters);
    return found == object.losses.end() ? 0 : found->second;
  });
  out.family("prefork_table_rows", kGauge, "Rows in a shared table.");
  of_kind("table", fill);
  out.family("prefork_table_limit", kGauge, "How many rows a shared table has room for.");
  of_kind("table", limit);
  out.family("prefork_service_events_total", kCounter, "Counters that services declare.");
  of_kind("counter", fill);
  out.family("prefork_service_value", kGauge, "Gauges that services declare.");
  of_kind("gauge", fill);
  out.family("prefork_ipc_repairs_total", kCounter, "What dead workers held in a shared object and the master freed.");
  for (const SharedStatus& object : shared) out.sample({{"name", object.name}, {"kind", object.kind}}, object.repairs);
  out.family("prefork_ipc_losses_total", kCounter, "What a shared object lost, by reason.");
  for (const SharedStatus& object : shared) {
    for (const auto& loss : object.losses) {
      if (is_dead_letters(loss)) continue;
      out.sample({{"name", object.name}, {"kind", object.kind}, {"reason", loss.first}}, loss.second);
    }
  }
}

}  // namespace

std::string metrics_text(const StatusSnapshot& status, const std::vector<SharedStatus>& shared) {
  PrometheusWriter out;
  write_master(out, status.master);
  write_pools(out, status);
  write_restarts(out, status);
  write_workers(out, status);
  write_work(out, status);
  write_latencies(out, status);
  write_responses(out, status);
  write_queues(out, status);
  write_shared(out, shared);
  return std::move(out).take();
}

}  // namespace prefork::master
