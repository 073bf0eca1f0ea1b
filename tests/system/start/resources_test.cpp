// Goal: a server that runs out of descriptors neither spins nor fails: it takes clients again when others leave. Ten
// thousand idle connections cost little memory and are all answered.
#include <algorithm>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

constexpr const char* kHello =
    "[pool main]\nworkers = 2\n[service hello]\nplugin = hello\n"
    "listen = tcp://127.0.0.1:0\nkeepalive-timeout = 10m\nheader-timeout = 10m\n";

milliseconds cpu_of_workers(const Server& server) {
  milliseconds sum{0};
  for (const pid_t pid : server.workers()) sum += cpu_time(pid);
  return sum;
}

std::size_t open_connections(const Server& server) {
  return server.status()["totals"]["connections"].get<std::size_t>();
}

TEST(Resources, OutOfDescriptors) {
  Server server(kHello, {.descriptors = 200});
  server.ready(2);
  const Address address = server.address("hello");
  std::vector<Client> clients;
  for (int i = 0; i < 500; ++i) clients.emplace_back(address);
  std::size_t open = 0;
  ASSERT_TRUE(eventually([&] { return (open = open_connections(server)) >= 100; }));
  // The full server rests for a second of the test's time: this is a measurement, not a wait for something.
  const auto before = cpu_of_workers(server);
  std::this_thread::sleep_for(1s);
  EXPECT_LT(cpu_of_workers(server) - before, 200ms) << "no spin";
  EXPECT_LT(open_connections(server), 500U);
  EXPECT_EQ(server.workers().size(), 2U);
  clients.clear();
  for (int i = 0; i < 50; ++i) {
    Client client(address);
    EXPECT_EQ(body_of(get(client)), "Hello, World!");
  }
  EXPECT_TRUE(eventually([&] { return open_connections(server) == 0; }));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Resources, WaitingClientsAreServedWhenOthersLeave) {
  Server server(kHello, {.descriptors = 200});
  server.ready(2);
  const Address address = server.address("hello");
  std::vector<Client> clients;
  for (int i = 0; i < 400; ++i) clients.emplace_back(address);
  std::size_t answered = 0;
  for (auto& client : clients) {  // the one leaves, the next is served
    EXPECT_EQ(body_of(get(client)), "Hello, World!");
    client.reset();
    ++answered;
  }
  EXPECT_EQ(answered, 400U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Resources, MaxConnectionsHoldsTheRestInTheBacklog) {
  Server server("[pool main]\nworkers = 1\nmax-connections = 5\n" + std::string(kHello).substr(24));
  server.ready(1);
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(server.address("hello"));
  ASSERT_TRUE(eventually([&] { return open_connections(server) == 5; }));
  for (std::size_t i = 0; i < clients.size(); ++i) {
    get(clients[i]);
    EXPECT_LE(open_connections(server), 5U);
    clients[i].reset();
  }
  EXPECT_TRUE(server.stops_clean());
}

TEST(Resources, FewDescriptorsForTheMaster) {
  for (const rlim_t limit : {20U, 40U, 80U, 90U}) {
    Server server(kHello, {.descriptors = limit});
    const bool runs =
        eventually([&] { return server.process().wait(0ms) || count(server.log(), "is ready") == 2; }, 5s);
    if (!runs || !server.process().wait(0ms)) {
      EXPECT_TRUE(server.stops_clean()) << limit;
      continue;
    }
    EXPECT_EQ(server.wait_exit(), 71) << limit << server.log();
    EXPECT_TRUE(server.left_nothing());
  }
}

long pss_kib(pid_t pid) {
  const std::string text = read_file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  const auto at = text.find("\nPss:");
  return at == std::string::npos ? 0 : std::stol(text.substr(at + 5));
}

TEST(Alone, TenThousandIdleConnections) {
  constexpr std::size_t kClients = 10'000;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < kClients + 200) GTEST_SKIP() << "RLIMIT_NOFILE allows only " << limit.rlim_max << " descriptors";
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  Server server(kHello);
  server.ready(2);
  const Address address = server.address("hello");
  const auto workers = server.workers();
  long before = 0, after = 0;
  for (const pid_t pid : workers) before += pss_kib(pid);
  std::vector<Client> clients;
  clients.reserve(kClients);
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.emplace_back(address);
    if (i % 100 == 0) {
      ASSERT_EQ(body_of(get(clients.back())), "Hello, World!");
    }
  }
  ASSERT_TRUE(eventually([&] { return open_connections(server) == kClients; }));
  for (const pid_t pid : workers) after += pss_kib(pid);
  std::printf("%ld bytes of worker memory per idle connection\n",
              (after - before) * 1024 / static_cast<long>(kClients));
  for (auto& client : clients) ASSERT_EQ(body_of(get(client)), "Hello, World!");
  EXPECT_EQ(server.workers(), workers);
  clients.clear();
  EXPECT_TRUE(eventually([&] { return open_connections(server) == 0; }));
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
