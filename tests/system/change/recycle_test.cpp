// Goal: a worker that has reached a limit of its pool is replaced, its successor comes first, and no client notices.
#include <thread>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

std::string pool(const std::string& limits) {
  return "[pool main]\nworkers = 2\n" + limits +
         "\n[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n"
         "[service moody]\nplugin = {plugins}/moody.so\nlisten = tcp://127.0.0.1:0\n";
}

std::uint64_t restarts(const Server& server, const std::string& reason) {
  return server.status()["restarts"].value(reason, std::uint64_t{0});
}

TEST(Recycle, MaxRequestsUnderLoad) {
  SKIP_UNLESS_HAVE("ab");
  Server server(pool("max-requests = 1000"));
  server.ready(2);
  const std::string url = server.address("hello").http("/");
  const Outcome keeping = run({{"ab", "-q", "-k", "-c", "16", "-n", "20000", url}});
  EXPECT_THAT(keeping.out, testing::HasSubstr("Complete requests:      20000\n")) << keeping.err;
  EXPECT_THAT(keeping.out, testing::HasSubstr("Failed requests:        0\n"));
  const Outcome connecting = run({{"ab", "-q", "-c", "16", "-n", "4000", url}});
  EXPECT_THAT(connecting.out, testing::HasSubstr("Failed requests:        0\n")) << connecting.err;
  EXPECT_GE(restarts(server, "max-requests"), 5U);
  EXPECT_EQ(server.status()["totals"]["requests"], 24'000) << "the dead ones' count too";
  server.ready(2);
  EXPECT_EQ(server.pool()["target"], 2);
  EXPECT_EQ(server.pool()["failures"], 0);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Recycle, TheSuccessorComesFirst) {
  Server server(pool("max-requests = 1"));
  server.ready(2);
  Client client(server.address("moody"));
  client.send("pid\n");
  const std::string old = client.receive_until("\n");
  ASSERT_TRUE(server.logged("is to be replaced: max-requests 1"));
  EXPECT_TRUE(server.logged("is ready", 3));
  client.send("pid\n");
  EXPECT_EQ(client.receive_until("\n"), old) << "who is connected is served to the end";
  EXPECT_TRUE(eventually([&] { return server.worker_list().size() == 3; })) << "two that serve and one that drains";
  client.finish_sending();
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(eventually([&] { return server.worker_list().size() == 2; }));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Recycle, MaxLifetime) {
  Server server(pool("max-lifetime = 1s"));
  server.ready(2);
  const auto first = server.workers();
  EXPECT_TRUE(eventually([&] { return restarts(server, "max-lifetime") >= 2; }));
  server.ready(2);
  for (const pid_t pid : first) EXPECT_TRUE(eventually([&] { return !alive(pid); }));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Recycle, MaxRss) {
  Server server(pool("max-rss = 64KiB"));  // less than any has
  server.ready(2);
  EXPECT_TRUE(eventually([&] { return restarts(server, "max-rss") >= 2; }));
  EXPECT_EQ(restarts(server, "max-rss-hard"), 0U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Recycle, MaxRssHardKillsWhatDoesNotLookAtItself) {
  Server server(pool("max-rss-hard = 96MiB"));
  server.ready(2);
  Client client(server.address("moody"));
  client.send("hoard\n");  // takes 200 MiB and spins
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(server.logged("more than max-rss-hard: it is killed; it is serving moody"));
  EXPECT_EQ(restarts(server, "max-rss-hard"), 1U);
  server.ready(2);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Recycle, ContradictingLimitsAreRefused) {
  const TempDir dir;
  const Outcome outcome = start_with(
      dir, "[pool main]\nmax-rss = 64MiB\nmax-rss-hard = 32MiB\n[service s]\nplugin = echo\nlisten = unix:{dir}/s\n",
      {"-t"});
  EXPECT_EQ(outcome.code, 78);
  EXPECT_THAT(outcome.err, testing::HasSubstr("prefork.conf:3: [pool main] max-rss-hard is not more than max-rss"));
}

}  // namespace
}  // namespace prefork::system_test
