// Goal: a worker may be killed at any time: no other client notices, it is replaced, no zombie stays, no counter goes
// back, and the log says how it ended and what it was serving.
#include <algorithm>
#include <map>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

std::string config(int workers, const std::string& more = "") {
  return "[pool main]\nworkers = " + std::to_string(workers) + "\n" + more +
         "[service moody]\nplugin = {plugins}/moody.so\nlisten = tcp://127.0.0.1:0\n"
         "[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n";
}

pid_t pid_of(Client& client) { return std::stoi(client.send("pid\n").receive_until("\n")); }

// One connection with every worker.
std::map<pid_t, Client> one_of_each(const Server& server, std::size_t workers) {
  const Address address = server.address("moody");
  std::map<pid_t, Client> clients;
  for (int i = 0; i < 2000 && clients.size() < workers; ++i) {
    Client client(address);
    const pid_t pid = pid_of(client);
    clients.emplace(pid, std::move(client));
  }
  EXPECT_EQ(clients.size(), workers);
  return clients;
}

bool no_zombies(const Server& server) {
  return eventually([&] {
    const auto children = children_of(server.pid());
    return std::all_of(children.begin(), children.end(), [](pid_t pid) { return alive(pid); });
  });
}

std::uint64_t accepted(const Server& server) { return server.status()["totals"]["accepted"].get<std::uint64_t>(); }

TEST(WorkerKill, OthersAreUnharmedAndItIsReplaced) {
  Server server(config(3));
  server.ready(3);
  auto clients = one_of_each(server, 3);
  auto victim = clients.begin();
  EXPECT_EQ(victim->second.send("spin\n").receive_until("\n"), "spinning\n");
  const pid_t pid = victim->first;
  const auto before = accepted(server);
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_TRUE(victim->second.closed());
  clients.erase(victim);
  for (auto& [worker, client] : clients) EXPECT_EQ(pid_of(client), worker);
  EXPECT_TRUE(eventually([&] { return !testing::Value(server.workers(), testing::Contains(pid)); }));
  server.ready(3);
  const auto now = server.workers();
  EXPECT_EQ(now.size(), 3U);
  for (auto& [worker, client] : clients) EXPECT_THAT(now, testing::Contains(worker));
  EXPECT_GE(accepted(server), before);
  EXPECT_TRUE(no_zombies(server));
  const std::string report = "(pid " + std::to_string(pid) + ", generation 1) killed by SIGKILL";
  EXPECT_TRUE(server.logged(report));
  EXPECT_THAT(server.log().substr(server.log().find(report), 200), testing::HasSubstr("; it was serving moody: "));
  EXPECT_EQ(server.status()["restarts"]["killed"], 1);
  EXPECT_TRUE(server.stops_clean());
}

TEST(WorkerKill, EachWayToDieIsReported) {
  Server server(config(2));
  server.ready(2);
  const std::pair<const char*, const char*> ways[] = {{"crash\n", "killed by SIGSEGV"},
                                                      {"exit\n", "exited with code 5"}};
  for (const auto& [word, report] : ways) {
    EXPECT_TRUE(Client(server.address("moody")).send(word).closed());
    EXPECT_TRUE(server.logged(report));
    server.ready(2);
  }
  EXPECT_TRUE(Client(server.address("moody")).send("throw\n").closed()) << "an exception closes the connection";
  EXPECT_TRUE(server.logged("as you wish"));
  EXPECT_EQ(server.status()["restarts"]["crashed"], 2);
  EXPECT_TRUE(server.stops_clean());
}

TEST(WorkerKill, ThirtyTimes) {
  Server server(config(8));
  server.ready(8);
  Client faithful(server.address("moody"));
  const pid_t spared = pid_of(faithful);
  std::uint64_t seen = 0;
  std::map<pid_t, std::chrono::steady_clock::time_point> ready_since;
  for (int i = 0; i < 30; ++i) {
    Client(server.address("hello")).send("GET / HTTP/1.0\r\n\r\n").receive_to_end();
    const auto now = accepted(server);
    EXPECT_GE(now, seen) << "counters never go back";
    seen = now;
    pid_t victim = 0;
    // One that is killed within 200 ms of being ready would count as one that can't start.
    ASSERT_TRUE(eventually([&] {
      const Json workers = server.worker_list();
      const auto asked = std::chrono::steady_clock::now();
      auto oldest = asked - 250ms;
      for (const auto& worker : workers) {
        const pid_t pid = worker["pid"];
        if (pid == spared || worker["state"] != "ready") continue;
        const auto since = ready_since.emplace(pid, asked).first->second;
        if (since > oldest) continue;
        oldest = since;
        victim = pid;
      }
      return victim != 0;
    }));
    ASSERT_EQ(::kill(victim, SIGKILL), 0);
    ASSERT_TRUE(eventually([&] { return !testing::Value(server.workers(), testing::Contains(victim)); }));
    ASSERT_EQ(pid_of(faithful), spared);
  }
  server.ready(8);
  EXPECT_GE(accepted(server), seen);
  EXPECT_EQ(server.status()["restarts"]["killed"], 30);
  EXPECT_EQ(server.pool()["failures"], 0);
  EXPECT_TRUE(no_zombies(server));
  EXPECT_EQ(children_of(server.pid()).size(), 8U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(WorkerKill, AllAtOnce) {
  Server server(config(6));
  server.ready(6);
  const auto before = server.workers();
  for (const pid_t pid : before) ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_TRUE(server.logged("killed by SIGKILL", 6));
  server.ready(6);
  for (const pid_t pid : server.workers()) EXPECT_THAT(before, testing::Not(testing::Contains(pid)));
  Client client(server.address("hello"));
  EXPECT_EQ(body_of(get(client)), "Hello, World!");
  EXPECT_TRUE(no_zombies(server));
  EXPECT_TRUE(server.stops_clean());
}

TEST(WorkerKill, AStuckOneIsAbortedAndReplaced) {
  Server server(config(2, "worker-timeout = 2s\n"));
  server.ready(2);
  Client client(server.address("moody"));
  const pid_t pid = pid_of(client);
  EXPECT_EQ(client.send("spin\n").receive_until("\n"), "spinning\n");
  EXPECT_TRUE(server.logged("has no heartbeat: it is aborted; it is serving moody: "));
  EXPECT_TRUE(server.logged("killed by SIGABRT"));
  EXPECT_TRUE(server.logged("aborted because it had no heartbeat"));
  EXPECT_TRUE(client.closed());
  server.ready(2);
  EXPECT_THAT(server.workers(), testing::Not(testing::Contains(pid)));
  EXPECT_TRUE(no_zombies(server));
  EXPECT_TRUE(server.stops_clean());
}

TEST(WorkerKill, AStoppedOneIsReplacedThenKilled) {
  Server server(config(2, "worker-timeout = 2s\n"));
  server.ready(2);
  auto clients = one_of_each(server, 2);
  const pid_t pid = clients.begin()->first;
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  EXPECT_TRUE(server.logged("has no heartbeat: it is aborted"));
  server.ready(2);
  EXPECT_EQ(pid_of(clients.rbegin()->second), clients.rbegin()->first) << "the other one serves on";
  // SIGABRT does not reach a stopped process; SIGKILL does, ten seconds later.
  EXPECT_TRUE(eventually([&] { return server.workers().size() == 2; }, 40s));
  EXPECT_TRUE(server.logged("aborted because it had no heartbeat"));
  EXPECT_FALSE(alive(pid));
  EXPECT_TRUE(no_zombies(server));
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
