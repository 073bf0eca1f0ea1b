#include "framework/master/report/metrics_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace prefork::master {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

StatusSnapshot snapshot() {
  StatusSnapshot all;
  all.master.version = "0.1.0";
  all.master.generation = 3;
  all.master.uptime = 61'500ms;
  all.master.reload = "rolling";
  all.master.reloads_done = 5;
  all.master.reloads_failed = 1;
  all.master.cpu = 1'250ms;
  all.master.longest_turn = 500us;
  all.pools.push_back({"main", 2, 2, 1, "www-data", 4, 1500ms, "cannot start"});
  all.listeners.push_back({"web", "tcp://127.0.0.1:80", "tcp", ipc::SocketQueue{3, 4096, 0}});
  all.listeners.push_back({"site", "tcp://127.0.0.1:80", "tcp", ipc::SocketQueue{3, 4096, 0}});
  all.listeners.push_back({"chat", "udp://127.0.0.1:7", "udp", ipc::SocketQueue{2304, 212992, 8}});
  all.listeners.push_back({"web", "unix:/run/\"a\\b\n", "unix"});
  for (const unsigned slot : {0U, 7U}) {
    WorkerStatus worker;
    worker.pool = "main";
    worker.index = 0;  // the same place in two generations
    worker.slot = slot;
    worker.state = slot == 0 ? "busy" : "draining";
    worker.connections = 5;
    worker.rss_bytes = 1'000'000 + slot;
    worker.cpu = 20ms;
    all.workers.push_back(worker);
  }
  ipc::HistogramValues times;
  times.buckets[ipc::histogram_bucket(0)] = 1;
  times.buckets[ipc::histogram_bucket(8191)] = 1;
  times.buckets[ipc::histogram_bucket(8192)] = 1;
  times.buckets[ipc::histogram_bucket(UINT64_MAX)] = 1;
  times.count = 4;
  times.sum = 1'500'000'000;
  all.services.push_back({"web", "hello", "main", LatencyStatus(times), ipc::ResponseCounts{{1, 200, 30, 4, 5}, 3}});
  all.services.push_back({"echo", "echo", "main", {}});
  all.pools.back().scaling = "dynamic";
  all.pools.back().busyness = 0.75;
  all.pools.back().circuit_open_for = 90s;
  all.pools.back().waiting = 12;
  all.pools.back().full_for = 2500ms;
  all.log = {3, 4, {{"/var/log/a\"b", 5}}, 6, 7};
  all.restarts = {{"killed", 2}, {"max-rss", 1}};
  all.counters[static_cast<std::size_t>(ipc::Counter::requests)] = UINT64_MAX;
  all.overflows = 12;
  return all;
}

std::vector<SharedStatus> shared() {
  SharedStatus queue;
  queue.name = "web.jobs";
  queue.kind = "queue";
  queue.fill = 10;
  queue.limit = 1024;
  queue.repairs = 2;
  queue.losses = {{"expired", 4}, {"dead letters", 3}};
  SharedStatus counter;
  counter.name = "web.hits";
  counter.kind = "counter";
  counter.fill = 77;
  return {queue, counter};
}

TEST(MetricsText, SaysWhatThereIs) {
  const std::string text = metrics_text(snapshot(), shared());
  for (const char* line : {
           "prefork_build_info{version=\"0.1.0\"} 1\n",
           "prefork_uptime_seconds 61.5\n",
           "prefork_generation 3\n",
           "prefork_reloading 1\n",
           "prefork_stopping 0\n",
           "prefork_reloads_total{result=\"done\"} 5\n",
           "prefork_reloads_total{result=\"failed\"} 1\n",
           "prefork_master_cpu_seconds_total 1.25\n",
           "prefork_master_longest_turn_seconds 0.0005\n",
           "prefork_pool_workers{pool=\"main\",state=\"busy\"} 1\n",
           "prefork_pool_workers{pool=\"main\",state=\"draining\"} 1\n",
           "prefork_pool_workers{pool=\"main\",state=\"ready\"} 0\n",
           "prefork_pool_workers_wanted{pool=\"main\"} 2\n",
           "prefork_pool_connections{pool=\"main\"} 10\n",
           "prefork_pool_failures{pool=\"main\"} 4\n",
           "prefork_pool_throttled_seconds{pool=\"main\"} 1.5\n",
           "prefork_pool_busyness_ratio{pool=\"main\"} 0.75\n",
           "prefork_pool_circuit_open_seconds{pool=\"main\"} 90\n",
           "prefork_pool_waiting_clients{pool=\"main\"} 12\n",
           "prefork_pool_full_seconds{pool=\"main\"} 2.5\n",
           "prefork_log_lines_dropped_total{by=\"master\"} 3\n",
           "prefork_log_lines_dropped_total{by=\"rate\"} 7\n",
           "prefork_log_lines_dropped_total{by=\"workers\"} 4\n",
           "prefork_access_log_lines_dropped_total{path=\"/var/log/a\\\"b\"} 5\n",
           "prefork_access_log_lines_unsent_total 6\n",
           "prefork_worker_restarts_total{reason=\"killed\"} 2\n",
           "prefork_worker_restarts_total{reason=\"crashed\"} 0\n",
           "prefork_worker_restarts_total{reason=\"max-rss\"} 1\n",
           "prefork_worker_resident_memory_bytes{pool=\"main\",slot=\"7\"} 1000007\n",
           "prefork_worker_cpu_seconds_total{pool=\"main\",slot=\"0\"} 0.02\n",
           "prefork_requests_total 18446744073709551615\n",
           "prefork_http_request_duration_seconds_bucket{service=\"web\",le=\"8.192e-06\"} 2\n",
           "prefork_http_request_duration_seconds_bucket{service=\"web\",le=\"1.6384e-05\"} 3\n",
           "prefork_http_request_duration_seconds_bucket{service=\"web\",le=\"8.589934592\"} 3\n",
           "prefork_http_request_duration_seconds_bucket{service=\"web\",le=\"+Inf\"} 4\n",
           "prefork_http_request_duration_seconds_sum{service=\"web\"} 1.5\n",
           "prefork_http_request_duration_seconds_count{service=\"web\"} 4\n",
           "prefork_http_responses_total{service=\"web\",code=\"1xx\"} 1\n",
           "prefork_http_responses_total{service=\"web\",code=\"2xx\"} 200\n",
           "prefork_http_responses_total{service=\"web\",code=\"3xx\"} 30\n",
           "prefork_http_responses_total{service=\"web\",code=\"4xx\"} 4\n",
           "prefork_http_responses_total{service=\"web\",code=\"5xx\"} 5\n",
           "prefork_http_requests_shed_total{service=\"web\"} 3\n",
           "prefork_accept_queue_connections{address=\"tcp://127.0.0.1:80\"} 3\n",
           "prefork_accept_queue_limit{address=\"tcp://127.0.0.1:80\"} 4096\n",
           "prefork_host_listen_overflows_total 12\n",
           "prefork_datagram_queue_bytes{address=\"udp://127.0.0.1:7\"} 2304\n",
           "prefork_datagrams_dropped_total{address=\"udp://127.0.0.1:7\"} 8\n",
           "prefork_queue_messages{name=\"web.jobs\"} 10\n",
           "prefork_queue_dead_letters{name=\"web.jobs\"} 3\n",
           "prefork_service_events_total{name=\"web.hits\"} 77\n",
           "prefork_ipc_repairs_total{name=\"web.jobs\",kind=\"queue\"} 2\n",
           "prefork_ipc_losses_total{name=\"web.jobs\",kind=\"queue\",reason=\"expired\"} 4\n",
       }) {
    EXPECT_THAT(text, HasSubstr("\n" + std::string(line)));
  }
  EXPECT_THAT(text, Not(HasSubstr("unix:")));
  EXPECT_THAT(text, Not(HasSubstr("service=\"echo\"")));
}

// What the format requires: each family is one block with its type, and each series is there once.
TEST(MetricsText, ObeysTheFormat) {
  std::istringstream text(metrics_text(snapshot(), shared()));
  const std::regex sample(
      R"re(([a-z_]+)(\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\})? [0-9.e+-]+)re");
  std::set<std::string> series, families;
  std::string family;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(families.insert(family).second) << line;
      ASSERT_TRUE(std::getline(text, line));
      EXPECT_THAT(line, testing::AnyOf("# TYPE " + family + " counter", "# TYPE " + family + " gauge",
                                       "# TYPE " + family + " histogram"));
      EXPECT_EQ(line.ends_with(" counter"), family.ends_with("_total")) << line;
      continue;
    }
    std::smatch parts;
    ASSERT_TRUE(std::regex_match(line, parts, sample)) << line;
    EXPECT_THAT(parts[1].str(), testing::AnyOf(family, family + "_bucket", family + "_sum", family + "_count"));
    EXPECT_TRUE(series.insert(parts[1].str() + parts[2].str()).second) << "twice: " << line;
  }
  EXPECT_GT(families.size(), 30U);
}

TEST(MetricsText, EscapesLabels) {
  StatusSnapshot status;
  status.listeners.push_back({"web", "tcp://\"a\\b\nc", "tcp", ipc::SocketQueue{1, 2, 0}});
  EXPECT_THAT(metrics_text(status, {}), HasSubstr("{address=\"tcp://\\\"a\\\\b\\nc\"} 1\n"));
}

TEST(MetricsText, LeavesOutFamiliesThatHaveNothing) {
  const std::string text = metrics_text({}, {});
  EXPECT_THAT(text, Not(HasSubstr("prefork_accept_queue")));
  EXPECT_THAT(text, Not(HasSubstr("prefork_host_listen")));
  EXPECT_THAT(text, Not(HasSubstr("prefork_ipc")));
  EXPECT_THAT(text, Not(HasSubstr("prefork_http")));
}

}  // namespace
}  // namespace prefork::master
