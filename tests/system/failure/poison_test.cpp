// Goal: clients whose requests crash the handler, and who leave at once, cost one worker each and no more: it is
// replaced at once, others are answered meanwhile, a reload succeeds, and a pool that can't start is still told apart.
#include <netinet/in.h>

#include <atomic>
#include <thread>

#include "tests/system/support/good_client.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

constexpr const char* kFour = R"([pool main]
workers = 4
limit-core = 0
[service hello]
plugin = {plugins}/who.so
answer = Hello, World!
listen = tcp://127.0.0.1:0
)";

void poison(const Server& server) { Client(server.address("hello")).send("GET /crash HTTP/1.1\r\nHost: a\r\n\r\n"); }

bool is_answered(const Server& server) {
  try {
    return greeting(server) == "Hello, World!";
  } catch (const std::exception&) {
    return false;
  }
}

std::uint64_t crashed(const Server& server) { return server.status()["restarts"].value("crashed", std::uint64_t{0}); }

TEST(Poison, OthersAreAnsweredMeanwhile) {
  Server server(kFour);
  server.ready(4);
  for (int i = 0; i < 60; ++i) {
    poison(server);
    EXPECT_TRUE(eventually([&] { return is_answered(server); }, 5s)) << i;
  }
  EXPECT_TRUE(eventually([&] { return crashed(server) == 60; }));
  EXPECT_EQ(server.pool()["failures"], 0);
  server.ready(4);
  EXPECT_EQ(greeting(server), "Hello, World!");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Poison, TheLogsNameTheClientAndTheRequest) {
  const std::string access_log = "access-log = {dir}/access.log\naccess-log-format = %h %m %U %s %B %X %{worker}n %P\n";
  Server server(kFour + access_log);
  server.ready(4);
  Client client(server.address("hello"));
  EXPECT_EQ(body_of(get(client)), "Hello, World!");
  Client poisoner(server.address("hello"));
  sockaddr_in own{};
  socklen_t length = sizeof own;
  ASSERT_EQ(::getsockname(poisoner.fd(), reinterpret_cast<sockaddr*>(&own), &length), 0);
  poisoner.send("GET /crash?why HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(poisoner.closed());
  EXPECT_TRUE(server.logged(
      "; it was serving hello: GET /crash?why of 127.0.0.1:" + std::to_string(ntohs(own.sin_port)) + " for "));
  const auto lines = [&] { return read_file(server.dir() / "access.log"); };
  EXPECT_TRUE(eventually([&] { return lines().find(" /crash ") != std::string::npos; }));
  EXPECT_THAT(lines(), testing::ContainsRegex("127.0.0.1 GET /crash 500 0 X main/[0-3] [0-9]+"));
  EXPECT_EQ(count(lines(), " /crash "), 1U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Poison, AllAtOnceAreOutlived) {
  Server server(kFour);
  server.ready(4);
  for (int i = 0; i < 60; ++i) poison(server);
  EXPECT_TRUE(eventually([&] { return is_answered(server); }, 10s));
  EXPECT_TRUE(eventually([&] { return crashed(server) == 60; }));
  EXPECT_EQ(server.pool()["failures"], 0);
  server.ready(4);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Poison, AReloadGoesThrough) {
  Server server(kFour);
  server.ready(4);
  std::atomic<bool> over = false;
  const Address address = server.address("hello");
  std::thread poisoner([&] {
    while (!over) {
      Client(address).send("GET /crash HTTP/1.1\r\nHost: a\r\n\r\n");
      std::this_thread::sleep_for(15ms);
    }
  });
  std::thread good([&] {
    while (!over) is_answered(server);
  });
  EXPECT_TRUE(eventually([&] { return crashed(server) >= 10; }));
  const auto before = crashed(server);
  for (int i = 0; i < 3; ++i) {
    const Outcome reload = server.ctl({"reload"});
    EXPECT_EQ(reload.code, 0) << reload.out << reload.err;
  }
  EXPECT_TRUE(eventually([&] { return crashed(server) >= before + 10; })) << "it went on meanwhile";
  over = true;
  poisoner.join();
  good.join();
  EXPECT_EQ(server.status()["master"]["generation"], 4);
  server.ready(4);
  EXPECT_EQ(greeting(server), "Hello, World!");
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
