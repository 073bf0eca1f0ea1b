// Goal: two workers take turns by signals and events only; the order holds whichever of them is killed.
#include <signal.h>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

std::string config(int workers, const std::string& more = "") {
  return "[pool main]\nworkers = " + std::to_string(workers) +
         "\n[service conductor]\nplugin = conductor\nlisten = tcp://127.0.0.1:0\n" + more;
}

pid_t worker(const Server& server, unsigned index) {
  for (const auto& each : server.worker_list()) {
    if (each["index"] == index) return each["pid"].get<pid_t>();
  }
  return 0;
}

/// The worker that has the only connection.
unsigned host(const Server& server) {
  std::optional<unsigned> index;
  EXPECT_TRUE(eventually([&] {
    for (const auto& each : server.worker_list()) {
      if (each["connections"] == 1) index = each["index"].get<unsigned>();
    }
    return index.has_value();
  }));
  return index.value_or(0);
}

std::string line(Client& client) { return client.receive_until("\n"); }

TEST(Conductor, BeatAndNoteTakeTurns) {
  Server server(config(2));
  server.ready(2);
  std::string wanted;
  for (int beat = 1; beat <= 20; ++beat) {
    const std::string number = std::to_string(beat);
    wanted += number + " conductor (pid " + std::to_string(worker(server, 0)) + ")\n";
    wanted += number + " orchestra (pid " + std::to_string(worker(server, 1)) + ")\n";
  }
  wanted += "the end\n";
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) clients.emplace_back(server.address("conductor"));
  for (auto& client : clients) client.send("play 20\n");
  for (auto& client : clients) EXPECT_EQ(client.receive_exactly(wanted.size()), wanted);
  for (const char* bad : {"play", "play 0", "play 1001", "play 1x", "stop", "play -1", "\xff"}) {
    EXPECT_EQ(clients[0].send(bad + std::string("\n")).receive_until("\n"), "say: play N, with N from 1 to 1000\n");
  }
  ASSERT_EQ(::kill(worker(server, 0), SIGUSR1), 0);
  EXPECT_TRUE(server.logged("160 beats conducted, 0 notes played, 0 waited for"));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Conductor, TheOrderHoldsWhoeverIsKilled) {
  Server server(config(2, "patience = 50ms\n"));
  server.ready(2);
  constexpr int kBeats = 300;
  Client client(server.address("conductor"));
  client.send("play " + std::to_string(kBeats) + "\n");
  const unsigned other = 1 - host(server);
  const std::string who = other == 0 ? "conductor" : "orchestra";
  std::string last;
  int pids = 0;
  for (int beat = 1; beat <= kBeats; ++beat) {
    for (const std::string role : {"conductor", "orchestra"}) {
      const std::string heard = line(client), head = std::to_string(beat) + " " + role + " (pid ";
      ASSERT_TRUE(heard.starts_with(head)) << heard;
      const std::string pid = std::to_string(std::stoi(heard.substr(head.size())));
      if (role == who && std::exchange(last, pid) != pid) ++pids;
    }
    if (beat % 100 == 50 && ::kill(std::stoi(last), 0) == 0) {
      ASSERT_EQ(::kill(std::stoi(last), SIGKILL), 0);
    }
  }
  EXPECT_EQ(line(client), "the end\n");
  EXPECT_GE(pids, 2);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Conductor, SaysThatNobodySitsThere) {
  Server server(config(1));
  server.ready(1);
  Client client(server.address("conductor"));
  EXPECT_EQ(client.send("play 3\n").receive_until("\n"), "nobody sits there: orchestra-seated\n");
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
