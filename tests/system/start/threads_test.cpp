// Goal: a preloaded library's thread in the master is reported before clients are served; one that appears later costs
// only what it must, and never a running server.
#include "tests/system/support/good_client.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

const std::string kPreload = "LD_PRELOAD=" PREFORK_TEST_OWN_PLUGINS "/preloaded_thread.so";

[[maybe_unused]] constexpr const char* kFirst = "the runtime of a sanitizer must be the first that is preloaded";

TEST(Threads, AreRefusedAtTheStart) {
  SKIP_UNDER_A_SANITIZER(kFirst);
  const TempDir dir;
  write_file(dir / "prefork.conf", "[service s]\nplugin = hello\nlisten = unix:" + (dir / "s") + "\n");
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"-t"}}) {
    std::vector<std::string> words{kMaster, "-c", dir / "prefork.conf"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = run({words, {kPreload}, {}, {}});
    EXPECT_EQ(outcome.code, 78);
    EXPECT_THAT(outcome.err, testing::StartsWith("prefork-master: the master would have 2 threads, "));
    EXPECT_EQ(count(outcome.err, "\n"), 1U) << outcome.err;
  }
}

bool has_threads(pid_t pid) { return proc_status(pid, "Threads") == "2"; }

/// A generation is replaced, and a worker.
void expect_to_live_on(const Server& server) {
  {
    const GoodClient good(server);
    EXPECT_EQ(server.ctl({"reload"}).code, 0);
    EXPECT_TRUE(eventually([&] { return server.workers().size() == 2; })) << "the old ones are gone";
  }
  ::kill(server.workers().at(0), SIGKILL);
  EXPECT_TRUE(eventually([&] { return server.status()["restarts"]["killed"] == 1 && server.pool()["ready"] == 2; }));
  EXPECT_EQ(greeting(server), "Hello, World!");
}

TEST(Threads, OfTheMasterThatComeLaterHurtNobody) {
  SKIP_UNDER_A_SANITIZER(kFirst);
  Server server(kWho, {.environment = {kPreload, "THREAD_DIR={dir}"}});
  server.ready(2);
  write_file(server.dir() / "recv", "");
  ASSERT_TRUE(eventually([&] { return server.status().is_object() && has_threads(server.pid()); }));
  ::unlink((server.dir() / "recv").c_str());
  expect_to_live_on(server);
  EXPECT_EQ(count(server.log(), "threads"), 0U) << "it is another process that forks";
  EXPECT_TRUE(server.stops_clean());
}

TEST(Threads, OfTheForkServerThatComeLaterHurtNobody) {
  SKIP_UNDER_A_SANITIZER(kFirst);
  Server server(kWho, {.environment = {kPreload, "THREAD_DIR={dir}"}});
  server.ready(2);
  write_file(server.dir() / "recvmsg", "");
  expect_to_live_on(server);
  EXPECT_TRUE(server.logged("the fork server has threads: workers are copies of the master from now on"));
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
