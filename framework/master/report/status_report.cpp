#include "framework/master/report/status_report.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

#include "framework/base/json_writer.hpp"

namespace prefork::master {
namespace {

// A rate is not accurate beyond two decimals.
double rounded(double rate) { return std::round(rate * 100) / 100; }

void write(base::JsonWriter& json, const MasterStatus& master) {
  json.begin_object()
      .member("pid", master.pid)
      .member("version", master.version)
      .member("generation", master.generation)
      .member("uptime_ms", master.uptime.count())
      .member("config_file", master.config_file)
      .member("state", master.stopping ? "stopping" : "running")
      .member("reload", master.reload)
      .member("last_reload", master.last_reload)
      .member("reloads_done", master.reloads_done)
      .member("reloads_failed", master.reloads_failed)
      .member("rss_bytes", master.rss_bytes)
      .member("cpu_ms", master.cpu.count())
      .member("longest_turn_us", master.longest_turn.count())
      .end_object();
}

void write(base::JsonWriter& json, const PoolStatus& pool) {
  json.begin_object()
      .member("name", pool.name)
      .member("target", pool.target)
      .member("running", pool.running)
      .member("ready", pool.ready)
      .member("user", pool.user)
      .member("failures", pool.failures)
      .member("throttled_ms", pool.throttled_for.count())
      .member("last_failure", pool.last_failure)
      .member("size", pool.size)
      .member("scaling", pool.scaling)
      .member("busyness", rounded(pool.busyness))
      .member("circuit_open_ms", pool.circuit_open_for.count())
      .member("last_end", pool.last_end)
      .member("waiting", pool.waiting)
      .member("full_ms", pool.full_for.count())
      .end_object();
}

void write(base::JsonWriter& json, const ListenerStatus& listener) {
  json.begin_object()
      .member("service", listener.service)
      .member("address", listener.address)
      .member("scheme", listener.scheme);
  if (listener.queue) {
    json.member("queue", listener.queue->waiting)
        .member("queue_limit", listener.queue->limit)
        .member("queue_dropped", listener.queue->dropped);
  }
  json.end_object();
}

void write(base::JsonWriter& json, const ServiceStatus& service) {
  json.begin_object().member("name", service.name).member("plugin", service.plugin).member("pool", service.pool);
  if (service.latency) {
    json.key("latency").begin_object().member("count", service.latency->count);
    json.member("sum_seconds", service.latency->sum_seconds).key("buckets").begin_array();
    for (const std::uint64_t count : service.latency->buckets) json.value(count);
    json.end_array().end_object();
  }
  if (service.responses) {
    json.key("responses").begin_object();
    for (std::size_t i = 0; i < service.responses->by_class.size(); ++i) {
      json.member(kStatusClasses[i], service.responses->by_class[i]);
    }
    json.end_object().member("shed", service.responses->shed);
  }
  json.end_object();
}

// The upper ends of the buckets, in microseconds.
void write_latency_bounds(base::JsonWriter& json) {
  json.key("latency_bounds_us").begin_array();
  for (std::size_t i = 0; i < LatencyStatus::kBounds; ++i)
    json.value(static_cast<double>(LatencyStatus::bound_ns(i)) / 1e3);
  json.end_array();
}

void write_work(base::JsonWriter& json, const WorkStatus& work) {
  json.member("accepted", work.accepted)
      .member("requests", work.requests)
      .member("datagrams", work.datagrams)
      .member("bytes_in", work.bytes_in)
      .member("bytes_out", work.bytes_out);
}

void write(base::JsonWriter& json, const WorkerStatus& worker) {
  json.begin_object()
      .member("pool", worker.pool)
      .member("index", worker.index)
      .member("slot", worker.slot)
      .member("pid", worker.pid)
      .member("generation", worker.generation)
      .member("state", worker.state)
      .member("uptime_ms", worker.uptime.count())
      .member("connections", worker.connections);
  write_work(json, worker.work);
  json.member("requests_per_second", rounded(worker.requests_per_second))
      .member("rss_bytes", worker.rss_bytes)
      .member("serving", worker.serving)
      .member("serving_ms", worker.serving_for.count())
      .member("cpu_ms", worker.cpu.count())
      .end_object();
}

void write(base::JsonWriter& json, const AccessLogStatus& log) {
  json.begin_object().member("path", log.path).member("dropped", log.dropped).end_object();
}

template <typename Item>
void write_list(base::JsonWriter& json, std::string_view name, const std::vector<Item>& items) {
  json.key(name).begin_array();
  for (const Item& item : items) write(json, item);
  json.end_array();
}

void write(base::JsonWriter& json, const LogStatus& log) {
  json.begin_object()
      .member("dropped", log.dropped)
      .member("dropped_by_workers", log.dropped_by_workers)
      .member("dropped_by_rate", log.dropped_by_rate);
  write_list(json, "access", log.access);
  json.member("access_dropped_by_workers", log.access_dropped_by_workers).end_object();
}

}  // namespace

// The powers of two are also bounds of the finer buckets.
LatencyStatus::LatencyStatus(const ipc::HistogramValues& values)
    : count(values.count), sum_seconds(static_cast<double>(values.sum) / 1e9) {
  for (std::size_t i = 0; i < values.buckets.size(); ++i) {
    const auto width = static_cast<unsigned>(std::bit_width(ipc::histogram_bound(i)));
    buckets[std::min<std::size_t>(width > kFirstPower ? width - kFirstPower : 0, kBounds)] += values.buckets[i];
  }
}

std::string status_answer(const StatusSnapshot& snapshot) {
  base::JsonWriter json;
  json.begin_object().member("ok", true).key("master");
  write(json, snapshot.master);
  write_list(json, "pools", snapshot.pools);
  write_list(json, "listeners", snapshot.listeners);
  write_list(json, "services", snapshot.services);
  write_latency_bounds(json);
  write_list(json, "workers", snapshot.workers);
  json.key("totals").begin_object().member("connections", snapshot.connections);
  write_work(json, snapshot.totals);
  json.member("requests_per_second", rounded(snapshot.requests_per_second)).end_object();
  json.key("restarts").begin_object();
  for (const RestartCount& restart : snapshot.restarts) json.member(restart.reason, restart.count);
  json.end_object().key("log");
  write(json, snapshot.log);
  json.end_object();
  return std::move(json).take() + '\n';
}

std::string workers_answer(const StatusSnapshot& snapshot) {
  base::JsonWriter json;
  json.begin_object().member("ok", true);
  write_list(json, "workers", snapshot.workers);
  json.end_object();
  return std::move(json).take() + '\n';
}

}  // namespace prefork::master
