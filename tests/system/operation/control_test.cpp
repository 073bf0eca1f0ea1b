// Goal: preforkctl does what it says, and its exit codes are those of docs/operations.md.
#include <sys/stat.h>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

constexpr const char* kConfig = R"([pool main]
workers = 2
[pool other]
workers = 1
[service hello]
plugin = hello
listen = tcp://127.0.0.1:0
[service echo]
plugin = echo
pool = other
listen = udp://127.0.0.1:0
)";

TEST(Control, StatusAndWorkersForPeopleAndForPrograms) {
  Server server(kConfig);
  server.ready(3);
  const Outcome table = server.ctl({"status"});
  EXPECT_EQ(table.code, 0) << table.err;
  for (const char* part : {"prefork-master", "main/0", "main/1", "other/0", "hello", "udp://127.0.0.1:"}) {
    EXPECT_THAT(table.out, testing::HasSubstr(part));
  }
  const Outcome list = server.ctl({"workers"});
  EXPECT_EQ(list.code, 0);
  EXPECT_EQ(count(list.out, "\n"), 4U) << list.out;
  const Json status = Json::parse(server.ctl({"status", "--json"}).out);
  EXPECT_EQ(status["master"]["pid"], server.pid());
  EXPECT_EQ(status["workers"].size(), 3U);
  EXPECT_EQ(status["listeners"].size(), 2U);
  const Json workers = Json::parse(server.ctl({"workers", "--json"}).out);
  for (const auto& worker : workers["workers"]) {
    EXPECT_TRUE(alive(worker["pid"].get<pid_t>()));
    EXPECT_EQ(worker["state"], "ready");
    EXPECT_GT(worker["rss_bytes"], 100'000);
  }
  EXPECT_TRUE(server.stops_clean());
}

TEST(Control, ScaleSetsAndChanges) {
  Server server(kConfig);
  server.ready(3);
  EXPECT_EQ(server.ctl({"scale", "main", "4"}).code, 0);
  server.ready(4, "main");
  EXPECT_EQ(server.ctl({"scale", "main", "+1"}).code, 0);
  server.ready(5, "main");
  EXPECT_EQ(server.ctl({"scale", "main", "-1"}).code, 0);
  server.ready(4, "main");
  EXPECT_EQ(server.ctl({"scale", "main", "0"}).code, 0);
  server.ready(0, "main").ready(1, "other");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Control, RefusalsHaveASentenceAndACode) {
  Server server(kConfig);
  server.ready(3);
  const struct {
    std::vector<std::string> words;
    int code;
  } cases[] = {{{"scale", "nowhere", "1"}, 70},
               {{"scale", "main", "-9"}, 70},
               {{"scale", "main", "60000"}, 70},
               {{"scale", "main", "x"}, 64},
               {{"scale", "main"}, 64},
               {{"dance"}, 64},
               {{}, 64},
               {{"status", "--wrong"}, 64},
               {{"upgrade", "/no/such/program"}, 66},
               {{"reload", "--only", "nowhere"}, 78}};
  for (const auto& [words, code] : cases) {
    const Outcome outcome = server.ctl(words);
    EXPECT_EQ(outcome.code, code) << testing::PrintToString(words) << outcome.err;
    EXPECT_EQ(count(outcome.err, "\n"), 1U) << outcome.err;
    EXPECT_THAT(outcome.err, testing::StartsWith("preforkctl: "));
    EXPECT_EQ(outcome.out, "");
  }
  EXPECT_TRUE(server.stops_clean());
}

TEST(Control, NobodyThere) {
  const TempDir dir;
  const Outcome missing = run({{kCtl, "-s", dir / "none.sock", "status"}});
  EXPECT_EQ(missing.code, 69);
  EXPECT_THAT(missing.err, testing::HasSubstr("no prefork-master answers at " + (dir / "none.sock")));
  const Outcome by_environment = run({{kCtl, "status"}, {"PREFORK_CONTROL=" + (dir / "other.sock")}, {}, {}});
  EXPECT_EQ(by_environment.code, 69);
  EXPECT_THAT(by_environment.err, testing::HasSubstr("other.sock"));
}

TEST(Control, OthersMayNot) {
  SKIP_UNLESS_ROOT();
  const auto user = other_user();
  if (!user) GTEST_SKIP() << "no other user";
  Server server(kConfig);
  server.ready(3);
  struct stat status {};
  ASSERT_EQ(::stat(server.control_path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const Command command{{kCtl, "-s", server.control_path(), "stop"}, {}, user, {}};
  EXPECT_EQ(run(command).code, 77) << "the file's mode";
  ASSERT_EQ(::chmod(server.control_path().c_str(), 0666), 0);
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.code, 77) << "SO_PEERCRED";
  EXPECT_THAT(outcome.err, testing::HasSubstr("only root and the master's user"));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Control, StopWaitsForTheEnd) {
  for (const bool fast : {false, true}) {
    Server server(kConfig);
    server.ready(3);
    EXPECT_EQ(server.ctl(fast ? std::vector<std::string>{"stop", "--fast"} : std::vector<std::string>{"stop"}).code, 0);
    EXPECT_FALSE(exists(server.control_path()));
    EXPECT_EQ(server.wait_exit(), 0);
    EXPECT_TRUE(server.left_nothing());
    EXPECT_TRUE(server.logged(fast ? "fast stop" : "graceful stop"));
    EXPECT_EQ(server.ctl({"status"}).code, 69);
  }
}

TEST(Control, ReopenTellsWhetherItCould) {
  Server server(kConfig, {.master = "log = {dir}/sub/log", .arguments = {"-o", "master.log={dir}"}});
  EXPECT_EQ(server.wait_exit(), 71) << "a folder is no log";
  ::mkdir((server.dir() / "sub").c_str(), 0755);
  Server good(kConfig, {.master = "log = " + (server.dir() / "sub/log")});
  good.ready(3);
  EXPECT_EQ(good.ctl({"reopen"}).code, 0);
  ASSERT_EQ(::rename((server.dir() / "sub").c_str(), (server.dir() / "gone").c_str()), 0);
  const Outcome outcome = good.ctl({"reopen"});
  EXPECT_EQ(outcome.code, 70);
  EXPECT_THAT(outcome.err, testing::HasSubstr("the log continues in the old file"));
  good.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return count(read_file(server.dir() / "gone/log"), "SIGHUP") == 1; }));
  EXPECT_TRUE(good.stops_clean());
}

// A client of the control socket that says nothing, or says nonsense, keeps nobody else from it.
TEST(Control, BadClientsOfTheControlSocket) {
  Server server(kConfig);
  server.ready(3);
  const Address control("unix:" + server.control_path());
  std::vector<Client> silent;
  for (int i = 0; i < 20; ++i) silent.emplace_back(control);
  EXPECT_THAT(ask(control, std::string(5000, 'x') + "\n"), testing::HasSubstr("\"exit\":64"));
  EXPECT_THAT(ask(control, std::string("\0\x01\xff\n", 4)), testing::HasSubstr("\"ok\":false"));
  EXPECT_EQ(count(ask(control, "workers\nworkers\nworkers\n"), "\"ok\":true"), 3U) << "commands in a row";
  for (int i = 0; i < 100; ++i) Client(control).send("status\nstatus\n").reset();
  EXPECT_EQ(server.ctl({"status"}).code, 0);
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
