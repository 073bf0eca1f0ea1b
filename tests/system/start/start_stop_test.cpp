// Goal: each signal to the master does what docs/operations.md says, and a stopped server leaves nothing
// behind.
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

constexpr const char* kHello = R"([pool main]
workers = 2
[service hello]
plugin = hello
listen = tcp://127.0.0.1:0
listen = unix:{dir}/hello.sock
)";

constexpr const char* kBodies = R"([pool main]
workers = 2
[service bodies]
plugin = {plugins}/bodies.so
listen = tcp://127.0.0.1:0
[service moody]
plugin = {plugins}/moody.so
listen = tcp://127.0.0.1:0
[service greeter]
plugin = greeter
listen = tcp://127.0.0.1:0
)";

// Sends half of a request's body and waits until a worker has got it.
Client half_sent(const Server& server) {
  Client client(server.address("bodies"));
  client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n12345");
  EXPECT_TRUE(eventually([&] { return server.status()["totals"]["bytes_in"] >= 50; }));
  return client;
}

class Stop : public testing::TestWithParam<int> {};

TEST_P(Stop, EndsAnIdleServerAndLeavesNothing) {
  Server server(kHello);
  server.ready(2);
  EXPECT_TRUE(exists(server.dir() / "hello.sock"));
  EXPECT_EQ(read_file(server.pid_path()), std::to_string(server.pid()) + "\n");
  server.signal(GetParam());
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(server.left_nothing());
  EXPECT_TRUE(server.logged("has stopped"));
}

INSTANTIATE_TEST_SUITE_P(Signals, Stop, testing::Values(SIGTERM, SIGQUIT, SIGINT),
                         [](const auto& which) { return std::string(::sigabbrev_np(which.param)); });

TEST(StartStop, AStopDuringTheStartLeavesNothing) {
  Server server("[pool main]\nworkers = 8\n[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n");
  ASSERT_TRUE(server.logged("starts"));
  EXPECT_TRUE(server.stops_clean());
}

class Graceful : public testing::TestWithParam<int> {};

TEST_P(Graceful, FinishesWhatIsBeingServed) {
  Server server(kBodies);
  server.ready(2);
  Client body = half_sent(server);
  Client slow(server.address("moody")), waiting(server.address("greeter"));
  slow.send("pid\n").receive_until("\n");
  slow.send("slow\n");
  EXPECT_EQ(waiting.receive_exactly(8), "Welcome!");
  const Address address = server.address("greeter");
  server.signal(GetParam());
  ASSERT_TRUE(server.logged("graceful stop"));
  EXPECT_TRUE(waiting.closed()) << "it waits for nobody";
  EXPECT_EQ(slow.receive_to_end(), "done\n");
  EXPECT_TRUE(eventually([&] {
    try {
      Client late(address);
      return false;
    } catch (const std::system_error&) {
      return true;
    }
  })) << "a stopping server takes no clients";
  const std::string answer = body.send("67890").receive_to_end();
  EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, testing::HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, testing::EndsWith("10 bytes\n"));
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(server.left_nothing());
}

INSTANTIATE_TEST_SUITE_P(Signals, Graceful, testing::Values(SIGTERM, SIGQUIT),
                         [](const auto& which) { return std::string(::sigabbrev_np(which.param)); });

TEST(StartStop, IntDoesNotWaitForWhatIsBeingServed) {
  Server server(kBodies);
  server.ready(2);
  Client body = half_sent(server);
  server.signal(SIGINT);
  EXPECT_EQ(body.receive_to_end(), "");
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(server.left_nothing());
}

// Sends TERM until it is taken for another order than the one before.
bool stops_harder(const Server& server, const std::string& how) {
  return eventually([&] {
    if (count(server.log(), "SIGTERM from pid " + std::to_string(::getpid()) + ": " + how) > 0) return true;
    server.signal(SIGTERM);
    return false;
  });
}

TEST(StartStop, TermsThatComeTogetherAreOne) {
  Server server(kBodies);
  server.ready(2);
  Client body = half_sent(server);
  const auto begun = std::chrono::steady_clock::now();
  for (std::size_t i = 1; i <= 2; ++i) {
    server.signal(SIGTERM);
    ASSERT_TRUE(server.logged("SIGTERM from pid", i));  // each by itself
  }
  if (std::chrono::steady_clock::now() - begun > 250ms) GTEST_SKIP() << "the machine is too slow to send them together";
  EXPECT_EQ(count(server.log(), "graceful stop"), 1U);
  EXPECT_EQ(count(server.log(), "fast stop"), 0U);
  EXPECT_TRUE(server.logged("it is the same order"));
  EXPECT_TRUE(body.silent()) << "it may go on";
  server.signal(SIGINT);  // another order
  ASSERT_TRUE(server.logged("fast stop"));
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(server.left_nothing());
}

TEST(StartStop, ASecondTermIsFast) {
  Server server(kBodies);
  server.ready(2);
  Client body = half_sent(server);
  server.signal(SIGTERM);
  ASSERT_TRUE(server.logged("graceful stop"));
  EXPECT_TRUE(body.silent());
  ASSERT_TRUE(stops_harder(server, "fast stop"));
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(body.closed());
  EXPECT_TRUE(server.left_nothing());
}

TEST(StartStop, AThirdTermKillsAStuckWorker) {
  Server server(kBodies);
  server.ready(2);
  Client stuck(server.address("moody"));
  EXPECT_EQ(stuck.send("spin\n").receive_until("\n"), "spinning\n");
  server.signal(SIGTERM);
  ASSERT_TRUE(server.logged("graceful stop"));
  ASSERT_TRUE(stops_harder(server, "fast stop"));
  EXPECT_EQ(server.wait_exit(100ms), -1000);
  ASSERT_TRUE(stops_harder(server, "kill"));
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(server.logged("killed by the operator's order"));
  EXPECT_TRUE(server.left_nothing());
}

TEST(StartStop, ShutdownTimeoutBoundsAGracefulStop) {
  Server server(kBodies, {.master = "shutdown-timeout = 300ms"});
  server.ready(2);
  Client body = half_sent(server);
  Client stuck(server.address("moody"));
  EXPECT_EQ(stuck.send("spin\n").receive_until("\n"), "spinning\n");
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(body.closed());
  EXPECT_TRUE(server.left_nothing());
}

TEST(StartStop, TheEndOfTheTimeNamesWhatIsStillServed) {
  Server server("[pool main]\nworkers = 1\n[service stuck]\nplugin = {plugins}/stuck.so\nlisten = tcp://127.0.0.1:0\n",
                {.master = "shutdown-timeout = 500ms"});
  server.ready(1);
  Client waiting(server.address("stuck"));
  waiting.send("GET /stream?" + std::string(100, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n").receive_until("begun");
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(server.logged("the time to finish is over: closing 1 connection that is still open: 127.0.0.1:"));
  EXPECT_TRUE(server.logged(" (GET /stream?" + std::string(72, 'x') + "...)"));
  EXPECT_TRUE(waiting.closed());
  EXPECT_TRUE(server.left_nothing());
}

TEST(StartStop, Usr1OpensARenamedLogAnew) {
  Server server(kHello, {.master = "log = {dir}/log"});
  server.ready(2);
  const std::string log = server.dir() / "log", old = server.dir() / "log.1";
  EXPECT_EQ(count(read_file(log), "is ready"), 2U);
  ASSERT_EQ(::rename(log.c_str(), old.c_str()), 0);
  server.signal(SIGUSR1);
  EXPECT_TRUE(eventually([&] { return count(read_file(log), "log reopened") == 1; }));
  server.signal(SIGTTIN);
  EXPECT_TRUE(eventually([&] { return count(read_file(log), "2 -> 3 workers") == 1; }));
  EXPECT_EQ(count(read_file(old), "2 -> 3 workers"), 0U);
  EXPECT_TRUE(server.stops_clean());
  EXPECT_EQ(server.log(), "") << "nothing but the log file is written to";
}

TEST(StartStop, TtinAndTtouChangeTheFirstPool) {
  Server server(kHello);
  server.ready(2);
  server.signal(SIGTTIN);
  server.ready(3);
  server.signal(SIGTTOU);
  server.ready(2);
  server.signal(SIGTTOU);
  server.ready(1);
  server.signal(SIGTTOU);
  server.ready(0);
  server.signal(SIGTTIN);
  server.ready(1);
  EXPECT_EQ(server.pool()["target"], 1);
  EXPECT_TRUE(server.stops_clean());
}

TEST(StartStop, WinchRetiresAllAndTtinBringsOneBack) {
  Server server(kHello);
  server.ready(2);
  const Address address = server.address("hello");
  server.signal(SIGWINCH);
  server.ready(0);
  EXPECT_TRUE(eventually([&] { return server.workers().empty(); }));
  Client early(address);  // waits in the backlog
  server.signal(SIGTTIN);
  server.ready(1);
  EXPECT_EQ(body_of(get(early)), "Hello, World!");
  EXPECT_TRUE(server.stops_clean());
}

TEST(StartStop, AWorkerThatIsSentTermRetiresAndIsReplaced) {
  Server server(kBodies);
  server.ready(2);
  Client client(server.address("moody"));
  const pid_t old = std::stoi(client.send("pid\n").receive_until("\n"));
  ASSERT_EQ(::kill(old, SIGTERM), 0);
  EXPECT_TRUE(server.logged("retires by itself"));
  server.ready(2);
  EXPECT_TRUE(eventually([&] { return server.status()["restarts"]["drained"] == 1; }));
  EXPECT_TRUE(server.stops_clean());
}

TEST(StartStop, SignalsThatAreNotForWorkersDoNothingToThem) {
  Server server(kHello);
  server.ready(2);
  const auto before = server.workers();
  for (const pid_t worker : before) {
    for (const int signal : {SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2}) ASSERT_EQ(::kill(worker, signal), 0);
  }
  Client client(server.address("hello"));
  EXPECT_EQ(body_of(get(client)), "Hello, World!");
  EXPECT_EQ(server.workers(), before);
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
