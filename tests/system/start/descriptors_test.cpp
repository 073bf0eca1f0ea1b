// Goal: a worker has exactly the descriptors that docs/architecture.md lists: none of the master's, none of other
// workers', even after respawns; and neither its descriptors nor the master's grow in number.
#include <algorithm>
#include <map>
#include <set>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

constexpr const char* kConfig = R"([pool main]
workers = 3
[pool other]
workers = 2
[service hello]
plugin = hello
listen = tcp://127.0.0.1:0
listen = unix:{dir}/hello.sock
[service echo]
plugin = echo
listen = udp://127.0.0.1:0
[service upper]
plugin = upper
pool = other
listen = tcp://127.0.0.1:0
listen = tcp://127.0.0.1:0
)";

struct Held {
  std::map<std::string, int> kinds;  ///< "eventfd", "socket", "pipe", or a path -> how many
  std::set<std::string> sockets;     ///< with inode
  std::set<std::string> pipes;
  std::size_t number = 0;
};

Held held_by(pid_t pid) {
  Held held;
  for (const auto& [fd, target] : descriptors_of(pid)) {
    ++held.number;
    if (target.starts_with("socket:")) held.sockets.insert(target);
    if (target.starts_with("pipe:")) held.pipes.insert(target);
    const bool numbered = target.starts_with("socket:") || target.starts_with("pipe:");
    ++held.kinds[numbered ? target.substr(0, target.find(':')) : target];
  }
  return held;
}

// The master once it has seen that the test's last control connection is closed.
Held master_at_rest(const Server& server) {
  Held held;
  EXPECT_TRUE(eventually([&] { return (held = held_by(server.pid())).sockets.size() == 6U + kMastersOwnSockets; }))
      << "five listeners, the control socket and those of every master, not " << held.sockets.size();
  return held;
}

template <class Set>
Set common(const Set& a, const Set& b) {
  Set both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(both, both.end()));
  return both;
}

// The table of docs/architecture.md.
std::map<std::string, int> expected(int listeners) {
  return {{"/dev/null", 1},
          {"pipe", 4},                  // orders, words, and twice what it prints
          {"socket", listeners + 1},    // its bell: the pool shares nothing, and wakes nobody
          {"anon_inode:[eventfd]", 1},  // of its signals
          {"anon_inode:[eventpoll]", 2}};
}

void check(const Server& server) {
  const auto main = server.workers("main"), other = server.workers("other");
  const Held master = master_at_rest(server);
  std::vector<Held> all;
  for (const pid_t pid : main) {
    all.push_back(held_by(pid));
    EXPECT_EQ(all.back().kinds, expected(3));
    EXPECT_EQ(common(all.back().sockets, all.front().sockets).size(), all.size() == 1 ? 4U : 3U)
        << "siblings share the listeners";
  }
  const std::set<std::string> main_sockets = all.front().sockets;
  for (const pid_t pid : other) {
    all.push_back(held_by(pid));
    EXPECT_EQ(all.back().kinds, expected(2));
    EXPECT_TRUE(common(all.back().sockets, main_sockets).empty()) << "no listener of another pool";
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(common(all[i].sockets, master.sockets), all[i].sockets) << "the listeners are the master's";
    EXPECT_EQ(common(all[i].pipes, master.pipes), all[i].pipes) << "the other ends are the master's";
    for (std::size_t j = 0; j < i; ++j) EXPECT_TRUE(common(all[i].pipes, all[j].pipes).empty()) << "siblings' pipes";
  }
  EXPECT_EQ(master.kinds.at(server.pid_path()), 1);
}

bool readable(const Server& server) { return !descriptors_of(server.workers().front()).empty(); }

TEST(Descriptors, AreThoseOfTheTable) {
  Server server(kConfig, {.master = "log = {dir}/log"});
  server.ready(5);
  if (!readable(server)) GTEST_SKIP() << "no right to read /proc/PID/fd of workers";
  check(server);
  EXPECT_EQ(held_by(server.pid()).kinds.at(server.dir() / "log"), 1);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Descriptors, AreTheSameAfterRespawnsAndScaling) {
  Server server(kConfig);
  server.ready(5);
  if (!readable(server)) GTEST_SKIP() << "no right to read /proc/PID/fd of workers";
  const auto kinds = master_at_rest(server).kinds;
  for (std::size_t i = 0; i < 20; ++i) {
    const auto workers = server.workers();
    const pid_t victim = workers[i % workers.size()];
    // Killed younger than this, it would count as one that can't start.
    ASSERT_TRUE(eventually([&] {
      for (const auto& worker : server.worker_list()) {
        if (worker["pid"] == victim) return worker["uptime_ms"] > 300;
      }
      return false;
    }));
    ASSERT_EQ(::kill(victim, SIGKILL), 0);
    ASSERT_TRUE(eventually([&] { return !testing::Value(server.workers(), testing::Contains(victim)); }));
    server.ready(5);
  }
  check(server);
  EXPECT_EQ(master_at_rest(server).kinds, kinds);
  EXPECT_EQ(server.ctl({"scale", "main", "9"}).code, 0);
  server.ready(11);
  check(server);
  EXPECT_EQ(server.ctl({"scale", "main", "3"}).code, 0);
  EXPECT_TRUE(eventually([&] { return server.workers().size() == 5; }));
  check(server);
  EXPECT_TRUE(eventually([&] { return held_by(server.pid()).kinds == kinds; }));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Descriptors, DoNotGrowWithConnections) {
  Server server(kConfig);
  server.ready(5);
  if (!readable(server)) GTEST_SKIP() << "no right to read /proc/PID/fd of workers";
  const auto master = master_at_rest(server).kinds;
  for (int round = 0; round < 10; ++round) {
    std::vector<Client> clients;
    for (int i = 0; i < 20; ++i) {
      clients.emplace_back(server.address(i % 2 == 0 ? "hello" : "upper"));
      if (i % 2 == 0) {
        get(clients.back());
      } else {
        EXPECT_EQ(clients.back().send("a").receive_exactly(1), "A");
      }
      if (i % 4 < 2) clients.back().reset();
    }
    EXPECT_TRUE(eventually([&] { return server.status()["totals"]["connections"] == 10; }));
  }
  EXPECT_TRUE(eventually([&] { return server.status()["totals"]["connections"] == 0; }));
  EXPECT_EQ(server.status()["totals"]["accepted"], 200);
  check(server);
  EXPECT_TRUE(eventually([&] { return held_by(server.pid()).kinds == master; }));
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
