#include "framework/master/report/status_report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace prefork::master {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

StatusSnapshot snapshot() {
  StatusSnapshot all;
  all.master = {100, "0.1.0", 3,         61s,    "prefork.conf", false, "rolling", "generation 2 serves",
                5,   1,       4'096'000, 1250ms, 812us};
  all.pools.push_back({"main", 2, 2, 1, "www-data", 4, 1500ms, "cannot start", "1..8", "dynamic", 0.755, 90s,
                       "worker main/0 fell", 12, 2500ms});
  all.listeners.push_back({"web", "tcp://127.0.0.1:40123", "tcp", ipc::SocketQueue{3, 4096, 0}});
  all.listeners.push_back({"web", "unix:/run/web.sock", "unix"});
  all.services.push_back({"echo", "echo", "main"});
  ipc::HistogramValues times;
  times.buckets[ipc::histogram_bucket(10'000)] = 3;
  times.count = 3;
  times.sum = 30'000;
  all.services.push_back({"web", "hello", "main", LatencyStatus(times), ipc::ResponseCounts{{1, 200, 30, 4, 5}, 3}});
  all.workers.push_back({"main",
                         0,
                         5,
                         4711,
                         3,
                         "busy",
                         60s,
                         12,
                         {20, 1000, 0, 5000, 90000},
                         123.456,
                         1'468'006,
                         "GET /\"x\"\n\xff",
                         12ms,
                         340ms});
  all.connections = 12;
  all.requests_per_second = 123.456;
  all.totals = {40, 2000, 7, 10000, 180000};
  all.restarts = {{"killed", 2}, {"crashed", 0}};
  all.log = {5, 6, {{"/var/log/a", 7}}, 8, 9};
  return all;
}

TEST(StatusReport, IsOneLineOfJson) {
  const std::string line = status_answer(snapshot());
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_TRUE(json::accept(line));
}

TEST(StatusReport, SaysAll) {
  const json status = json::parse(status_answer(snapshot()));
  EXPECT_EQ(status, json::parse(R"({
    "ok": true,
    "master": {"pid": 100, "version": "0.1.0", "generation": 3, "uptime_ms": 61000,
               "config_file": "prefork.conf", "state": "running",
               "reload": "rolling", "last_reload": "generation 2 serves",
               "reloads_done": 5, "reloads_failed": 1, "rss_bytes": 4096000, "cpu_ms": 1250, "longest_turn_us": 812},
    "pools": [{"name": "main", "target": 2, "running": 2, "ready": 1, "user": "www-data", "failures": 4,
               "throttled_ms": 1500, "last_failure": "cannot start", "size": "1..8", "scaling": "dynamic",
               "busyness": 0.76, "circuit_open_ms": 90000, "last_end": "worker main/0 fell",
               "waiting": 12, "full_ms": 2500}],
    "listeners": [{"service": "web", "address": "tcp://127.0.0.1:40123", "scheme": "tcp",
                   "queue": 3, "queue_limit": 4096, "queue_dropped": 0},
                  {"service": "web", "address": "unix:/run/web.sock", "scheme": "unix"}],
    "services": [{"name": "echo", "plugin": "echo", "pool": "main"},
                 {"name": "web", "plugin": "hello", "pool": "main", "latency": {"count": 3, "sum_seconds": 3e-05,
                  "buckets": [0,3,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]},
                  "responses": {"1xx": 1, "2xx": 200, "3xx": 30, "4xx": 4, "5xx": 5}, "shed": 3}],
    "latency_bounds_us": [8.192, 16.384, 32.768, 65.536, 131.072, 262.144, 524.288, 1048.576, 2097.152, 4194.304,
      8388.608, 16777.216, 33554.432, 67108.864, 134217.728, 268435.456, 536870.912, 1073741.824, 2147483.648,
      4294967.296, 8589934.592],
    "workers": [{"pool": "main", "index": 0, "slot": 5, "pid": 4711, "generation": 3, "state": "busy",
                 "uptime_ms": 60000, "connections": 12, "accepted": 20, "requests": 1000, "datagrams": 0,
                 "bytes_in": 5000, "bytes_out": 90000, "requests_per_second": 123.46, "rss_bytes": 1468006,
                 "serving": "GET /\"x\"\n\ufffd", "serving_ms": 12, "cpu_ms": 340}],
    "totals": {"connections": 12, "accepted": 40, "requests": 2000, "datagrams": 7, "bytes_in": 10000,
               "bytes_out": 180000, "requests_per_second": 123.46},
    "restarts": {"killed": 2, "crashed": 0},
    "log": {"dropped": 5, "dropped_by_workers": 6, "dropped_by_rate": 9, "access": [{"path": "/var/log/a", "dropped": 7}],
            "access_dropped_by_workers": 8}})"));
}

TEST(StatusReport, WorkersAreTheSameAlone) {
  const json workers = json::parse(workers_answer(snapshot()));
  EXPECT_EQ(workers.size(), 2U);
  EXPECT_EQ(workers["ok"], true);
  EXPECT_EQ(workers["workers"], json::parse(status_answer(snapshot()))["workers"]);
}

TEST(StatusReport, NothingIsEmptyLists) {
  StatusSnapshot nothing;
  nothing.master.stopping = true;
  const json status = json::parse(status_answer(nothing));
  EXPECT_EQ(status["master"]["state"], "stopping");
  EXPECT_EQ(status["workers"], json::array());
  EXPECT_EQ(status["restarts"], json::object());
}

}  // namespace
}  // namespace prefork::master
