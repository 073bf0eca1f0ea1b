// Goal: a pool of MIN..MAX has as many workers as its clients need, and no client notices that they come and go.
#include <thread>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

std::string config(const std::string& workers, const std::string& service) {
  return "[pool main]\nworkers = " + workers + "\nidle-worker-timeout = 400ms\n[service it]\n" + service;
}

bool workers_are(const Server& server, std::size_t wanted) {
  return eventually([&] { return server.workers().size() == wanted; });
}

struct Way {
  const char* name;
  const char* listen;
};
void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }
class OnDemand : public testing::TestWithParam<Way> {};

TEST_P(OnDemand, TheFirstClientIsServedAndTheLastWorkerGoes) {
  Server server(config("0..2", std::string("plugin = echo\nlisten = ") + GetParam().listen + "\n"));
  server.ready(0);
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(workers_are(server, 0));
    Client client(server.address("it"));
    client.send("hello");
    EXPECT_EQ(client.receive_exactly(5), "hello");
    EXPECT_EQ(server.workers().size(), 1U);
  }
  EXPECT_EQ(server.pool()["scaling"], "on demand");
  EXPECT_THAT(server.ctl({"status"}).out, testing::HasSubstr(" of 0..2 (on demand)"));
  EXPECT_EQ(server.status()["restarts"].size(), 0U);
  EXPECT_TRUE(server.stops_clean());
}

INSTANTIATE_TEST_SUITE_P(Listeners, OnDemand,
                         testing::Values(Way{"tcp", "tcp://127.0.0.1:0"}, Way{"unix", "unix:{dir}/it.sock"},
                                         Way{"udp", "udp://127.0.0.1:0"}, Way{"dgram", "unix-dgram:{dir}/it.sock"}),
                         [](const auto& which) { return std::string(which.param.name); });

TEST(OnDemandLife, ManyClientsAtOnceAreServed) {
  Server server(config("0..4", "plugin = greeter-classic\nlisten = tcp://127.0.0.1:0\n"));
  server.ready(0);
  const Address address = server.address("it");
  std::vector<Client> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(address);
  for (Client& client : clients) EXPECT_EQ(client.receive_exactly(8), "Welcome!");
  EXPECT_EQ(server.workers().size(), 4U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(OnDemandLife, AStopWhileItIsEmptyLeavesNothing) {
  Server server(config("0..4", "plugin = echo\nlisten = unix:{dir}/it.sock\n"));
  server.ready(0);
  EXPECT_TRUE(server.stops_clean());
}

TEST(OnDemandLife, ACrashLoopIsThrottledAndEnds) {
  Server server(config("0..2",
                       "plugin = {plugins}/moody.so\nlisten = tcp://127.0.0.1:0\nmood = crash\n"
                       "unless = {dir}/well\n"));
  server.ready(0);
  Client client(server.address("it"));
  client.send("pid\n");
  EXPECT_TRUE(server.logged("failures in a row", 3));
  const Json pool = server.pool();
  EXPECT_LE(server.status()["restarts"].value("died-before-ready", 0U), pool["failures"].get<unsigned>() + 1);
  EXPECT_LT(std::stoul(proc_status(server.pid(), "voluntary_ctxt_switches")), 2000U) << "it does not spin";
  write_file(server.dir() / "well", "");
  EXPECT_NE(client.receive_until("\n"), "") << "whoever waited is served";
  EXPECT_TRUE(server.stops_clean());
}

TEST(OnDemandLife, ReloadsToAFixedSizeAndBack) {
  const std::string service = "plugin = echo\nlisten = unix:{dir}/it.sock\n";
  Server server(config("0..2", service));
  server.ready(0);
  server.configure(config("2", service));
  EXPECT_EQ(server.ctl({"reload"}).code, 0);
  server.ready(2);
  EXPECT_EQ(server.pool()["scaling"], "fixed");
  server.configure(config("0..2", service));
  EXPECT_EQ(server.ctl({"reload"}).code, 0);
  EXPECT_TRUE(workers_are(server, 0));
  Client client(server.address("it"));
  EXPECT_EQ(client.send("hello").receive_exactly(5), "hello");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Dynamic, BlockedWorkersGetHelpAndOnlyIdleOnesRetire) {
  Server server(config("1..4", "plugin = greeter-classic\nlisten = tcp://127.0.0.1:0\n"));
  server.ready(1);
  const Address address = server.address("it");
  std::vector<Client> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(address);
  for (Client& client : clients) EXPECT_EQ(client.receive_exactly(8), "Welcome!") << "at the same time";
  server.ready(4);
  EXPECT_THAT(server.ctl({"status"}).out, testing::HasSubstr("4/4 of 1..4 (dynamic)"));
  const Client fifth(address);
  while (clients.size() > 1) clients.pop_back();
  // The client that stays and the fifth one, and clients that keep both workers from being idle.
  EXPECT_TRUE(workers_are(server, 3));
  EXPECT_EQ(clients[0].send("you\n").receive_exactly(11), "Hello, you!") << "by the same worker as ever";
  EXPECT_TRUE(server.logged("4 -> 3 workers"));
  EXPECT_EQ(server.status()["restarts"].size(), 0U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Dynamic, AWorkerWithAClientStaysWhenTheSizeIsGivenBack) {
  Server server(config("1..3", "plugin = {plugins}/moody.so\nlisten = tcp://127.0.0.1:0\n"));
  server.ready(1);
  EXPECT_EQ(server.ctl({"scale", "main", "3"}).code, 0);
  server.ready(3);
  EXPECT_THAT(server.ctl({"status"}).out, testing::HasSubstr("3/3 of 1..3 (held)"));
  Client client(server.address("it"));
  const std::string pid = client.send("pid\n").receive_until("\n");
  EXPECT_THAT(server.ctl({"scale", "main", "auto"}).out, testing::HasSubstr("1..3 workers, as configured"));
  EXPECT_TRUE(workers_are(server, 1));
  EXPECT_EQ(client.send("pid\n").receive_until("\n"), pid);
  EXPECT_EQ(std::to_string(server.workers().at(0)) + "\n", pid) << "it was not the one to retire";
  EXPECT_TRUE(server.stops_clean());
}

// Clients that keep their connections, and one that asks on while workers retire.
TEST(Dynamic, NoRequestFailsWhileItGrowsAndShrinks) {
  SKIP_UNLESS_HAVE("ab");
  Server server(
      "[pool main]\nworkers = 1..4\nidle-worker-timeout = 300ms\nmax-busyness = 10\n"
      "[service it]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n");
  server.ready(1);
  const Address address = server.address("it");
  for (std::size_t round = 1; round <= 2; ++round) {
    const Outcome ab = run({{"ab", "-q", "-k", "-t", "1", "-n", "1000000", "-c", "16", address.http("/")}});
    EXPECT_THAT(ab.out, testing::HasSubstr("Failed requests:        0\n")) << ab.err;
    EXPECT_TRUE(server.logged("pool main: 1 -> ", round)) << "it grew";
    std::optional<Client> client;
    EXPECT_TRUE(eventually([&] {
      if (!client) client.emplace(address);
      const std::string answer = get(*client);
      EXPECT_EQ(body_of(answer), "Hello, World!");
      if (answer.find("Connection: close") != std::string::npos) client.reset();
      return server.workers().size() == 1;
    }));
  }
  EXPECT_EQ(server.status()["restarts"].size(), 0U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Dynamic, ContradictionsAreRefusedWithFileAndLine) {
  const TempDir dir;
  const Outcome outcome =
      start_with(dir, "[pool main]\nworkers = 4..2\n[service s]\nplugin = echo\nlisten = unix:{dir}/s\n", {"-t"});
  EXPECT_EQ(outcome.code, 78);
  EXPECT_THAT(outcome.err, testing::HasSubstr("prefork.conf:2: workers in [pool main]: \"4..2\" asks for at least 4"));
}

}  // namespace
}  // namespace prefork::system_test
