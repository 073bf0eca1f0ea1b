// Goal: something that a reload waits for in vain (a file, a name) holds up only the reload, which reports what it was.
#include <sys/stat.h>

#include <fstream>
#include <future>

#include "tests/system/support/good_client.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

const std::string kPatience = "prepare-timeout = 3s";
const std::string kLong = "prepare-timeout = 1h";
const std::string kNoAnswer = std::string(kWho) + "listen = tcp://silent.test:80\n";

std::string make_fifo(const TempDir& dir) {
  const std::string path = dir / "include.fifo";
  EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
  return path;
}

Server::How with_slow_names(const std::string& master) {
  Server::How how;
  how.master = master;
  how.environment = {"LD_PRELOAD=" + kTestPlugins + "/slow_names.so"};
  return how;
}

std::future<Outcome> begin(const Server& server, const std::vector<std::string>& words) {
  return std::async(std::launch::async, [&server, words] { return server.ctl(words); });
}

std::string phase(const Server& server) { return server.status()["master"]["reload"]; }

std::future<Outcome> begin_reload(const Server& server) {
  auto reload = begin(server, {"reload"});
  EXPECT_TRUE(eventually([&] { return phase(server) == "preparing"; }));
  return reload;
}

void expect_supervised(Server& server) {
  const pid_t victim = server.workers().front();
  ASSERT_EQ(::kill(victim, SIGKILL), 0);
  EXPECT_TRUE(eventually([&] {
    const auto workers = server.workers();
    return workers.size() == 2 && std::count(workers.begin(), workers.end(), victim) == 0;
  }));
  server.ready(2);
  EXPECT_EQ(greeting(server), "Hello, World!");
  EXPECT_EQ(phase(server), "preparing") << "all that meanwhile";
}

void expect_late(std::future<Outcome>& reload, const std::string& what) {
  const Outcome end = reload.get();
  EXPECT_EQ(end.code, 75);
  EXPECT_EQ(end.err, "preforkctl: not reloaded, generation 1 goes on: " + what + " takes too long\n");
}

void expect_good_reload(Server& server) {
  server.configure(kWho);
  EXPECT_EQ(server.ctl({"reload"}).code, 0) << server.log();
  EXPECT_TRUE(server.ready(2).stops_clean());
}

TEST(Preparation, AFifoThatNobodyWritesStopsNobody) {
  Server server(kWho, {.master = kPatience});
  server.ready(2);
  const std::string fifo = make_fifo(server.dir());
  server.configure("include = include.fifo\n" + std::string(kWho));
  auto reload = begin_reload(server);
  expect_supervised(server);
  expect_late(reload, "reading " + fifo);
  EXPECT_TRUE(eventually([&] { return children_of(server.pid()).size() == 2; })) << "no child is left";
  expect_good_reload(server);
}

TEST(Preparation, AFifoThatSomebodyWritesIsRead) {
  Server server(kWho, {.master = kLong});
  server.ready(2);
  const std::string fifo = make_fifo(server.dir());
  server.configure("include = include.fifo\n" + std::string(kWho));
  auto reload = begin_reload(server);
  std::ofstream(fifo) << "[pool more]\nworkers = 1\n[service more]\nplugin = echo\npool = more\n"
                         "listen = tcp://127.0.0.1:0\n";
  EXPECT_EQ(reload.get().code, 0) << server.log();
  server.ready(1, "more");
  expect_good_reload(server);
}

TEST(Preparation, ANameServerThatIsSilentStopsNobodyAndAnUpgradeWaits) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer must be loaded first";
#endif
  Server server(kWho, with_slow_names(kPatience));
  server.ready(2);
  server.configure(kNoAnswer);
  auto reload = begin_reload(server);
  auto upgrade = begin(server, {"upgrade"});
  EXPECT_TRUE(server.logged(", after the reload"));
  expect_supervised(server);
  expect_late(reload, "resolving tcp://silent.test:80");
  EXPECT_EQ(upgrade.get().code, 0) << server.log();
  expect_good_reload(server);
}

TEST(Preparation, AStopIsToldToWhoWaits) {
  Server server(kWho, {.master = kLong});
  server.ready(2);
  make_fifo(server.dir());
  server.configure("include = include.fifo\n" + std::string(kWho));
  auto reload = begin_reload(server);
  server.signal(SIGTERM);
  const Outcome end = reload.get();
  EXPECT_EQ(end.code, 69);
  EXPECT_THAT(end.err, testing::HasSubstr("the server is stopping"));
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_EQ(::unlink((server.dir() / "include.fifo").c_str()), 0);
  EXPECT_TRUE(server.left_nothing());
}

TEST(Preparation, ItsDeathIsTheReloadsEndAlone) {
  Server server(kWho, {.master = kLong});
  server.ready(2);
  const auto before = children_of(server.pid());
  const std::string fifo = make_fifo(server.dir());
  server.configure("include = include.fifo\n" + std::string(kWho));
  auto reload = begin_reload(server);
  for (const pid_t child : children_of(server.pid())) {
    if (std::count(before.begin(), before.end(), child) > 0) continue;
    ASSERT_EQ(::kill(child, SIGKILL), 0);
  }
  const Outcome end = reload.get();
  EXPECT_EQ(end.code, 71);
  EXPECT_THAT(end.err, testing::HasSubstr("the process that prepares it was killed by SIGKILL, reading "));
  EXPECT_EQ(count(end.err, "\n"), 1U);
  expect_good_reload(server);
}

TEST(Preparation, GoesWithTheMaster) {
  Server server(kWho, {.master = kLong});
  server.ready(2);
  make_fifo(server.dir());
  server.configure("include = include.fifo\n" + std::string(kWho));
  auto reload = begin_reload(server);
  server.signal(SIGKILL);
  reload.get();
  EXPECT_EQ(server.wait_exit(), -SIGKILL);
  EXPECT_TRUE(server.process().group_gone());
}

TEST(Preparation, AStartReadsItsConfigurationFromAPipe) {
  const TempDir dir;
  write_file(dir / "pipe.conf", "[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n");
  const Outcome test = run({{"bash", "-c", "exec " + kMaster + " -t -c <(cat " + (dir / "pipe.conf") + ")"}});
  EXPECT_EQ(test.code, 0) << test.err;
}

}  // namespace
}  // namespace prefork::system_test
