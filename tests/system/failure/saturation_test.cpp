// Goal: an operator sees when a pool takes no more clients, and gets the server's health as an exit code.
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

const std::string kTwoPlaces =
    "[pool main]\nworkers = 2\nmax-connections = 1\n"
    "[service hello]\nplugin = hello\nlisten = {address}\nmount = /hi\n";

std::string two_places(const std::string& address) {
  std::string text = kTwoPlaces;
  return text.replace(text.find("{address}"), 9, address);
}

// Clients that keep their connections.
std::vector<Client> take(const Server& server, std::size_t count) {
  std::vector<Client> clients;
  for (std::size_t i = 0; i < count; ++i) {
    clients.emplace_back(server.address("hello"));
    EXPECT_EQ(body_of(get(clients.back(), "/hi/Ada")), "Hello, Ada!");
  }
  return clients;
}

class Saturation : public testing::TestWithParam<std::string> {};

TEST_P(Saturation, APoolAtItsLimitIsFullAsSoonAsSomebodyWaits) {
  Server server(two_places(GetParam()));
  server.ready(2);
  std::vector<Client> clients = take(server, 2);
  EXPECT_EQ(server.pool()["full_ms"], 0);
  EXPECT_EQ(server.ctl({"status", "--check"}).code, 0);

  Client third(server.address("hello")), fourth(server.address("hello"));
  ASSERT_TRUE(eventually([&] { return server.pool()["full_ms"] > 0 && server.pool()["waiting"] == 2; }));
  const Outcome check = server.ctl({"status", "--check"});
  EXPECT_EQ(check.code, 1);
  EXPECT_EQ(check.out, "degraded: pool main is full, 2 wait\n");
  EXPECT_THAT(server.ctl({"status"}).out, testing::ContainsRegex("full for [0-9.ms]+, 2 waiting\n"));
  EXPECT_THAT(server.ctl({"top", "--once"}).out, testing::HasSubstr("full, 2 waiting\n"));
  EXPECT_TRUE(server.logged(
      "warning pool main is full: its 2 workers take no more connections (max-connections = 1); 2 clients waiting\n"));
  const std::string metrics = server.ctl({"metrics"}).out;
  EXPECT_THAT(metrics, testing::HasSubstr("\nprefork_pool_waiting_clients{pool=\"main\"} 2\n"));
  EXPECT_THAT(metrics, testing::Not(testing::HasSubstr("\nprefork_pool_full_seconds{pool=\"main\"} 0\n")));
  EXPECT_THAT(metrics, testing::HasSubstr("\nprefork_accept_queue_connections{address=\"" +
                                          server.address("hello").text + "\"} 2\n"));

  clients.clear();
  EXPECT_EQ(body_of(get(third, "/hi/Ada")), "Hello, Ada!");
  EXPECT_EQ(body_of(get(fourth, "/hi/Ada")), "Hello, Ada!");
  EXPECT_TRUE(eventually([&] { return server.pool()["full_ms"] == 0 && server.pool()["waiting"] == 0; }));
  EXPECT_EQ(server.ctl({"status", "--check"}).out, "well: 2 of 2 workers are ready\n");
  EXPECT_EQ(count(server.log(), "is full"), 1U);
}
INSTANTIATE_TEST_SUITE_P(All, Saturation, testing::Values("tcp://127.0.0.1:0", "unix:{dir}/h.sock"));

TEST(Saturation, ABlockingPoolIsFullWhenAllItsWorkersServe) {
  Server server("[pool main]\nworkers = 1\n[service greeter]\nplugin = greeter-classic\nlisten = tcp://127.0.0.1:0\n");
  server.ready(1);
  auto first = std::make_unique<Client>(server.address("greeter"));
  ASSERT_TRUE(eventually([&] { return server.worker_list()[0]["state"] == "busy"; }));
  EXPECT_EQ(server.pool()["full_ms"], 0);
  const Client second(server.address("greeter"));
  ASSERT_TRUE(eventually([&] { return server.pool()["full_ms"] > 0; }));
  EXPECT_EQ(server.ctl({"status", "--check"}).out, "degraded: pool main is full, 1 wait\n");
  EXPECT_TRUE(server.logged("pool main is full: its worker takes no more connections; 1 client waiting\n"));
  first.reset();
  EXPECT_TRUE(eventually([&] { return server.pool()["full_ms"] == 0; }));
}

TEST(StatusCheck, DownIsWhoServesNobody) {
  Server server(
      "[pool main]\nworkers = 1\n[service hello]\nplugin = hello\nlisten = unix:{dir}/h.sock\n"
      "[pool bad]\nworkers = 2\n[service moody]\nplugin = {plugins}/moody.so\npool = bad\n"
      "listen = unix:{dir}/m.sock\nmood = throw\n");
  ASSERT_TRUE(eventually([&] { return server.ctl({"status", "--check"}).code == 2; }));
  EXPECT_TRUE(eventually([&] {
    return server.ctl({"status", "--check"}).out == "down: pool bad has no ready worker (cannot start)\n";
  })) << server.ctl({"status", "--check"}).out;
  EXPECT_TRUE(server.stops_clean());
  const Outcome gone = server.ctl({"status", "--check"});
  EXPECT_EQ(gone.code, 2);
  EXPECT_EQ(gone.out, "down: no prefork-master answers at " + server.control_path() + ": No such file or directory\n");
  EXPECT_EQ(server.ctl({"status"}).code, 69);
}

}  // namespace
}  // namespace prefork::system_test
