// Goal: a plugin that can't start keeps no other pool from serving; its pool is retried with growing delays, which
// status and log report, and serves as soon as it can.
#include <sstream>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

std::string config(const std::string& mood, const std::string& pool = "") {
  return "[pool main]\nworkers = 2\n[pool bad]\nworkers = 2\n" + pool +
         "[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n"
         "[service moody]\nplugin = {plugins}/moody.so\npool = bad\nlisten = tcp://127.0.0.1:0\n"
         "unless = {dir}/well\nmood = " +
         mood + "\n";
}

// The delays that the log has told, in ms.
std::vector<double> delays(const std::string& log) {
  std::vector<double> all;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    const auto at = line.find("the next start is tried in ");
    if (at == std::string::npos) continue;
    std::istringstream rest(line.substr(at + 27));
    double number = 0;
    std::string unit;
    rest >> number >> unit;
    all.push_back(unit == "s" ? number * 1000 : number);
  }
  return all;
}

struct Way {
  const char* mood;
  const char* pool;    ///< more of [pool bad]
  const char* report;  ///< in the exit report
  const char* reason;  ///< in status
};

void PrintTo(const Way& way, std::ostream* out) { *out << way.mood; }

class CrashLoop : public testing::TestWithParam<Way> {};

TEST_P(CrashLoop, IsThrottledAndOthersServe) {
  const Way& way = GetParam();
  Server server(config(way.mood, way.pool));
  server.ready(2, "main");
  EXPECT_TRUE(server.logged("failures in a row", 3));
  EXPECT_TRUE(server.logged(way.report, 3));
  const auto told = delays(server.log());
  ASSERT_GE(told.size(), 3U);
  for (std::size_t i = 1; i < told.size(); ++i) EXPECT_GT(told[i], told[i - 1] * 1.2) << server.log();
  const Json bad = server.pool("bad");
  EXPECT_GE(bad["failures"], 3);
  EXPECT_EQ(bad["last_failure"], way.reason);
  EXPECT_TRUE(eventually([&] { return server.pool("bad")["throttled_ms"] > 0; }));
  EXPECT_THAT(server.ctl({"status"}).out, testing::HasSubstr(" in a row"));
  Client client(server.address("hello"));
  EXPECT_EQ(body_of(get(client)), "Hello, World!");
  EXPECT_EQ(server.pool("main")["failures"], 0);
  EXPECT_TRUE(server.stops_clean());
}

TEST_P(CrashLoop, EndsWhenTheServiceCanStart) {
  const Way& way = GetParam();
  Server server(config(way.mood, way.pool));
  EXPECT_TRUE(server.logged("failures in a row", 2));
  Client early(server.address("moody"));  // waits in the backlog
  write_file(server.dir() / "well", "");
  server.ready(2, "bad");
  EXPECT_EQ(early.send("pid\n").receive_until("\n").empty(), false);
  EXPECT_TRUE(server.stops_clean());
}

INSTANTIATE_TEST_SUITE_P(Moods, CrashLoop,
                         testing::Values(Way{"crash", "", "killed by SIGABRT", "died before it was ready"},
                                         Way{"throw", "", "it said: service \"moody\" can't start: a bad day",
                                             "cannot start"},
                                         Way{"exit", "", "exited with code 3", "died before it was ready"},
                                         Way{"hang", "boot-timeout = 300ms\n",
                                             "aborted because it was not ready in time", "not ready in time"},
                                         Way{"wait", "boot-timeout = 300ms\n",
                                             "aborted because it was not ready in time", "not ready in time"}),
                         [](const auto& which) { return std::string(which.param.mood); });

TEST(CrashLoopStop, DuringAHangingStart) {
  Server server(config("hang"));
  server.ready(2, "main");
  ASSERT_TRUE(eventually([&] { return server.workers("bad").size() == 2; }));
  server.signal(SIGTERM);
  ASSERT_TRUE(server.logged("graceful stop"));
  server.signal(SIGINT);
  ASSERT_TRUE(server.logged("fast stop"));
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(server.left_nothing());
}

TEST(CrashLoopStop, DuringAWaitingStart) {
  Server server(config("wait"));
  server.ready(2, "main");
  EXPECT_TRUE(server.stops_clean()) << "a start that waits is given up at once";
}

}  // namespace
}  // namespace prefork::system_test
