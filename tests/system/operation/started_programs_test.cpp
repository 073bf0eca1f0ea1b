// Goal: programs that a service starts have the usual signal settings: a worker has handlers only, which no program
// inherits.
#include <signal.h>

#include <thread>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

constexpr const char* kConfig = R"([pool main]
workers = 1
[service starter]
plugin = {plugins}/starter.so
listen = tcp://127.0.0.1:0
)";
// posix_spawn itself ignores two signals that the C library uses.
constexpr const char* kNone =
    "SigBlk:\t0000000000000000\n"
    "SigIgn:\t0000000000000000\n";

TEST(StartedPrograms, HaveDefaultSignalsWhateverWayTheyAreStarted) {
  // The program that started the master may ignore some: nohup, a shell's `&`.
  Server server(kConfig, {.launcher = {"sh", "-c", "trap '' HUP INT QUIT PIPE USR1 TTOU; exec \"$@\"", "sh"}});
  server.ready(1);
  Client client(server.address("starter"));
  for (const char* way : {"/start/spawn", "/start/fork", "/start/vfork", "/popen"}) {
    std::string shown = body_of(get(client, way));
    if (const auto own = shown.find("0000000180000000"); own != std::string::npos)
      shown[own + 7] = shown[own + 8] = '0';
    EXPECT_EQ(shown, kNone) << way;
  }
  EXPECT_TRUE(server.stops_clean());
}

TEST(StartedPrograms, ForkedChildrenAreEndedBySignals) {
  Server server(kConfig);
  server.ready(1);
  const auto worker = server.workers().front();
  Client client(server.address("starter"));
  for (const int signal : {SIGTERM, SIGUSR1, SIGINT, SIGHUP, SIGPIPE, SIGKILL}) {
    EXPECT_EQ(body_of(get(client, "/fork/" + std::to_string(signal))), std::to_string(signal));
  }
  EXPECT_EQ(server.workers().front(), worker) << "the worker was not meant";
  EXPECT_TRUE(server.stops_clean());
}

TEST(StartedPrograms, TheWorkerItselfIgnoresWhatIsTheMasters) {
  Server server(kConfig);
  server.ready(1);
  const pid_t worker = server.workers().front();
  for (const int signal : {SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2}) {
    ASSERT_EQ(::kill(worker, signal), 0);
  }
  {
    Client client(server.address("starter"));
    EXPECT_EQ(body_of(get(client, "/start/spawn")).substr(0, 7), "SigBlk:");
  }
  EXPECT_EQ(server.workers().front(), worker);
  ASSERT_EQ(::kill(worker, SIGTERM), 0);
  EXPECT_TRUE(server.logged("retires by itself"));
  EXPECT_TRUE(eventually([&] { return !testing::Value(server.workers(), testing::Contains(worker)); }));
  server.ready(1);
  EXPECT_TRUE(server.stops_clean());
}

// A child that has left its group keeps neither the addresses of TCP nor those of UDP, whatever way the server goes.
class Left : public testing::TestWithParam<const char*> {};

TEST_P(Left, ByAServiceKeepsNoAddress) {
  const std::string host = own_host();
  const std::string config =
      "[pool main]\nworkers = 1\n[service starter]\nplugin = {plugins}/starter.so\nlisten = tcp://" + host +
      ":7311\n[service echo]\nplugin = echo\nlisten = udp://" + host + ":7311\n";
  Server server(config);
  server.ready(1);
  pid_t left = 0;
  {
    Client client(server.address("starter"));
    left = std::stoi(body_of(get(client, "/leave")));
  }
  const std::string way = GetParam();
  if (way == "stopped") {
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait_exit(), 0);
  } else {
    server.signal(SIGKILL);
    EXPECT_EQ(server.wait_exit(), -SIGKILL);
  }
  EXPECT_TRUE(alive(left));
  const auto before = server.start();
  server.ready(1);
  EXPECT_EQ(Client(server.address("echo")).send("x").receive(), "x");
  EXPECT_TRUE(alive(left));
  ::kill(left, SIGKILL);
  EXPECT_TRUE(server.stops_clean());
}

INSTANTIATE_TEST_SUITE_P(Servers, Left, testing::Values("stopped", "killed"),
                         [](const auto& tested) { return std::string(tested.param); });

}  // namespace
}  // namespace prefork::system_test
