// Goal: a stuck worker is found within its request-timeout and a second, ended, replaced and reported with what it was
// serving; if only a coroutine waited, nobody but its own client notices.
#include <algorithm>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

// Whatever is ended by a request-timeout here would not be by the worker-timeout of a minute in a test's patience.
constexpr auto kConfig =
    "[pool main]\nworkers = 2\nworker-timeout = 10m\n[pool calls]\nworkers = 2\nworker-timeout = 10m\n"
    "[service stuck]\nplugin = {plugins}/stuck.so\nlisten = tcp://127.0.0.1:0\nrequest-timeout = 400ms\n"
    "slow-request = 150ms\nbody-timeout = 1h\n"
    "[service calls]\nplugin = {plugins}/stuck_blocking.so\nlisten = tcp://127.0.0.1:0\nrequest-timeout = 400ms\n"
    "pool = calls\n";

std::string request(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

std::uint64_t overdue(const Server& server) {
  return server.status()["restarts"].value("request-timeout", std::uint64_t{0});
}

struct Blocked {
  const char* name;
  const char* service;
  const char* bytes;
  const char* serving;  ///< as the log says it
};

void PrintTo(const Blocked& blocked, std::ostream* out) { *out << blocked.name; }

class BlockedWorker : public testing::TestWithParam<Blocked> {};

TEST_P(BlockedWorker, IsAbortedAndReplaced) {
  const Blocked& way = GetParam();
  Server server(kConfig);
  server.ready(4);
  const std::string pool = std::string(way.service) == "calls" ? "calls" : "main";
  const auto before = server.workers(pool);
  Client client(server.address(way.service));
  client.send(way.bytes);
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(server.logged("is past a request-timeout: it is aborted" + std::string(way.serving)));
  EXPECT_TRUE(server.logged(" last words: SIGABRT from pid " + std::to_string(server.pid()) + "; backtrace: "));
  EXPECT_TRUE(server.logged(": aborted because it was past a request-timeout; it was serving "));
  server.ready(4);
  EXPECT_EQ(overdue(server), 1U);
  const auto now = server.workers(pool);
  EXPECT_EQ(std::count_if(now.begin(), now.end(), [&](pid_t pid) { return pid != before[0] && pid != before[1]; }), 1);
  EXPECT_EQ(server.pool(pool)["failures"], 0) << "it had served: no throttle";
  EXPECT_TRUE(server.stops_clean());
}

INSTANTIATE_TEST_SUITE_P(Ways, BlockedWorker,
                         testing::Values(Blocked{"loop", "stuck", "GET /loop HTTP/1.1\r\nHost: a\r\n\r\n",
                                                 "; it is serving stuck: GET /loop"},
                                         Blocked{"sleep", "stuck", "GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n",
                                                 "; it is serving stuck: GET /sleep"},
                                         Blocked{"late_loop", "stuck", "GET /late-loop HTTP/1.1\r\nHost: a\r\n\r\n",
                                                 "; it is serving stuck: GET /late-loop"},
                                         Blocked{"blocking_service", "calls", "loop\n",
                                                 "; it is serving calls: connection of "}),
                         [](const auto& which) { return std::string(which.param.name); });

TEST(TimeLimits, AStoppedWorkerIsReplaced) {
  Server server(kConfig);
  server.ready(4);
  const pid_t pid = server.workers("main").at(0);
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  EXPECT_TRUE(server.logged("(pid " + std::to_string(pid) + ") is past a request-timeout: it is aborted"));
  server.ready(4);
  EXPECT_EQ(overdue(server), 1U);
  ASSERT_EQ(::kill(pid, SIGCONT), 0);  // else SIGKILL comes in ten seconds
  EXPECT_TRUE(server.logged("killed by SIGABRT"));
  EXPECT_TRUE(server.stops_clean());
}

struct Waiting {
  const char* name;
  const char* bytes;
  const char* more;  ///< sent repeatedly
  const char* answer;
  const char* end;
  const char* logged;
};

void PrintTo(const Waiting& waiting, std::ostream* out) { *out << waiting.name; }

class WaitingCoroutine : public testing::TestWithParam<Waiting> {};

TEST_P(WaitingCoroutine, IsCancelledAndOthersGoOn) {
  const Waiting& way = GetParam();
  Server server(std::string(kConfig) + "\n");
  server.ready(4);
  ASSERT_EQ(server.ctl({"scale", "main", "1"}).code, 0);
  ASSERT_TRUE(eventually([&] { return server.workers("main").size() == 1; }));
  const pid_t worker = server.workers("main").at(0);
  const Address address = server.address("stuck");
  Client beside(address);
  Client client(address);
  client.send(way.bytes);
  std::string answer;
  for (bool open = true; open;) {
    std::size_t sent = 0;
    if (*way.more != '\0') client.push(way.more, sent);
    EXPECT_EQ(body_of(get(beside, "/slow")), "late") << "the others' requests go on";
    while (!client.silent()) {
      const std::string piece = client.receive();
      open = !piece.empty();
      answer += piece;
      if (!open) break;
    }
  }
  EXPECT_THAT(answer, testing::StartsWith(way.answer));
  EXPECT_THAT(answer, testing::EndsWith(way.end));
  EXPECT_TRUE(server.logged(way.logged));
  EXPECT_TRUE(server.logged(", cancelled at its request-timeout"));
  EXPECT_TRUE(server.logged("stuck: GET /slow: 200 after ")) << "and is slow";
  EXPECT_EQ(body_of(get(beside, "/pid")), std::to_string(worker));
  EXPECT_EQ(overdue(server), 0U);
  EXPECT_TRUE(server.stops_clean()) << "nothing is left of it that a stop would wait for";
}

INSTANTIATE_TEST_SUITE_P(
    Ways, WaitingCoroutine,
    testing::Values(Waiting{"wait", "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n", "", "HTTP/1.1 503 ", "", "GET /wait: 503"},
                    Waiting{"body", "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", "x",
                            "HTTP/1.1 503 ", "", "POST /body: 503"},
                    Waiting{"stream", "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", "", "HTTP/1.1 200 ", "5\r\nbegun\r\n",
                            "GET /stream: 200"}),
    [](const auto& which) { return std::string(which.param.name); });

struct Contradiction {
  const char* name;
  const char* master;
  const char* text;
  const char* said;
};

void PrintTo(const Contradiction& contradiction, std::ostream* out) { *out << contradiction.name; }

class ContradictingTimes : public testing::TestWithParam<Contradiction> {};

TEST_P(ContradictingTimes, AreRefused) {
  const TempDir dir;
  const Outcome outcome = start_with(
      dir, "[master]\n" + std::string(GetParam().master) + "[service s]\nlisten = unix:{dir}/s\n" + GetParam().text,
      {"-t"});
  EXPECT_EQ(outcome.code, 78);
  EXPECT_THAT(outcome.err, testing::HasSubstr(GetParam().said));
}

INSTANTIATE_TEST_SUITE_P(
    Ways, ContradictingTimes,
    testing::Values(Contradiction{"shutdown", "shutdown-timeout = 5s\n", "plugin = hello\nrequest-timeout = 6s\n",
                                  "prefork.conf:6: [service s] request-timeout (6s) is longer than shutdown-timeout "
                                  "(5s): a worker that drains is stopped before"},
                    Contradiction{
                        "slow", "log-level = info\n", "plugin = hello\nrequest-timeout = 6s\nslow-request = 6s\n",
                        "prefork.conf:7: [service s] slow-request (6s) is not less than request-timeout (6s)"},
                    Contradiction{"blocking", "shutdown-timeout = 2m\n",
                                  "plugin = {plugins}/stuck_blocking.so\nrequest-timeout = 61s\n",
                                  "prefork.conf:6: [service s] request-timeout (61s) is longer than worker-timeout "
                                  "(1m) of its pool"}),
    [](const auto& which) { return std::string(which.param.name); });

TEST(TimeLimits, ARequestThatWaitedTooLongIsShed) {
  Server server(
      "[pool main]\nworkers = 1\n[service stuck]\nplugin = {plugins}/stuck.so\nlisten = tcp://127.0.0.1:0\n"
      "queue-timeout = 1s\n");
  server.ready(1);
  Client kept(server.address("stuck"));
  const std::string pid = body_of(get(kept, "/pid"));
  const pid_t worker = server.workers().at(0);
  ASSERT_EQ(pid, std::to_string(worker));
  ASSERT_EQ(::kill(worker, SIGSTOP), 0);  // a worker that looks busy to waiting clients
  Client fresh(server.address("stuck"));
  kept.send(request("/pid"));
  fresh.send(request("/pid"));
  const auto sent = std::chrono::steady_clock::now();
  ASSERT_TRUE(eventually([&] { return std::chrono::steady_clock::now() - sent > milliseconds(1500); }));
  ASSERT_EQ(::kill(worker, SIGCONT), 0);
  for (Client* client : {&kept, &fresh}) {
    const std::string answer = client->receive_to_end();
    EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(answer, testing::HasSubstr("\r\nRetry-After: 1\r\n"));
  }
  Client later(server.address("stuck"));
  EXPECT_EQ(body_of(get(later, "/pid")), pid) << "who comes in time is served";
  const std::string metrics = server.ctl({"metrics"}).out;
  EXPECT_THAT(metrics, testing::HasSubstr("\nprefork_http_requests_shed_total{service=\"stuck\"} 2\n"));
  EXPECT_THAT(metrics, testing::HasSubstr("\nprefork_http_responses_total{service=\"stuck\",code=\"5xx\"} 2\n"));
  EXPECT_THAT(metrics, testing::HasSubstr("\nprefork_http_responses_total{service=\"stuck\",code=\"2xx\"} 2\n"));
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
