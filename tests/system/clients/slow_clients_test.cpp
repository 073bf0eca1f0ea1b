// Goal: an attack by slowhttptest harms nobody else: others are answered while it goes on, the server closes all of its
// connections when their time is up, and nothing is left of them.
#include <filesystem>

#include "tests/system/support/good_client.hpp"

namespace prefork::system_test {
namespace {

constexpr const char* kConfig = R"([pool main]
workers = 1
[service hello]
plugin = hello
listen = tcp://127.0.0.1:0
header-timeout = 1s
[service bodies]
plugin = {plugins}/bodies.so
listen = tcp://127.0.0.1:0
body-timeout = 1s
[service files]
plugin = static
listen = tcp://127.0.0.1:0
root = {dir}/site
write-timeout = 1s
keepalive-timeout = 1s
)";

struct Attack {
  const char* name;
  std::vector<std::string> words;
  const char* service;
  const char* path;
  int held;      ///< at least this many connections are open at a time
  bool notices;  ///< it sees that its connections are closed, and ends
};

class SlowClients : public testing::TestWithParam<Attack> {};

TEST_P(SlowClients, AreClosedAndHoldUpNobody) {
  SKIP_UNLESS_HAVE("slowhttptest");
  const Attack& attack = GetParam();
  Server server(kConfig, {.before = [](const TempDir& dir) {
                  std::filesystem::permissions(dir.path(), std::filesystem::perms(0755));
                  std::filesystem::create_directory(dir / "site");
                  write_file(dir / "site/large", std::string(8U << 20, 'x'));
                  write_file(dir / "site/small", std::string(2000, 'x'));
                }});
  server.ready(1);
  const auto connections = [&] { return server.status()["totals"]["connections"].get<int>(); };
  EXPECT_EQ(run({{"curl", "-s", "-o", "/dev/null", server.address(attack.service).http(attack.path)}}).code, 0)
      << "an open file that is kept";
  EXPECT_TRUE(eventually([&] { return connections() == 0; })) << "curl's, before the descriptors are counted";
  const pid_t worker = server.workers().at(0);
  const std::size_t descriptors = descriptors_of(worker).size();
  const long memory = most_rss_kib(server);
  {
    const GoodClient good(server);
    std::vector<std::string> words{"slowhttptest",
                                   "-c",
                                   "100",
                                   "-r",
                                   "500",
                                   "-l",
                                   "30",
                                   "-p",
                                   "10",
                                   "-v",
                                   "1",
                                   "-u",
                                   server.address(attack.service).http(attack.path)};
    words.insert(words.end(), attack.words.begin(), attack.words.end());
    Process process({words}, server.dir() / "attack", server.dir() / "attack.err");
    EXPECT_TRUE(eventually([&] { return connections() >= attack.held; }));
    const int answers = good.answers();
    if (attack.notices) {
      EXPECT_TRUE(process.wait());
      EXPECT_EQ(count(read_file(server.dir() / "attack"), "No open connections left"), 1U)
          << read_file(server.dir() / "attack");
    } else {
      EXPECT_TRUE(eventually([&] { return connections() <= 1; })) << "the good client's";
      EXPECT_FALSE(process.wait(0ms)) << "it would go on";
    }
    EXPECT_TRUE(eventually([&] { return good.answers() > answers; }));
  }
  EXPECT_TRUE(eventually([&] { return connections() == 0; }));
  EXPECT_EQ(server.workers(), std::vector<pid_t>{worker});
  EXPECT_TRUE(eventually([&] { return descriptors_of(worker).size() == descriptors; })) << "those that linger go too";
  EXPECT_LT(most_rss_kib(server) - memory, kMemoryFactor * 2048);
  EXPECT_TRUE(server.stops_clean());
}

INSTANTIATE_TEST_SUITE_P(
    Slowhttptest, SlowClients,
    testing::Values(
        Attack{"headers", {"-H", "-i", "1", "-x", "10"}, "hello", "/", 50, true},
        Attack{"body", {"-B", "-i", "1", "-x", "10", "-s", "65536"}, "bodies", "/", 50, true},
        Attack{"range", {"-R", "-t", "GET", "-a", "5", "-b", "1000"}, "files", "/small", 0, true},
        Attack{"read", {"-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32"}, "files", "/large", 50, false}),
    [](const auto& attack) { return std::string(attack.param.name); });

}  // namespace
}  // namespace prefork::system_test
