// Goal: another program takes over in the master's process without a failed request: same pid, workers, sockets and
// shared objects; a program that can't is refused with a reason, and nothing changes.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "tests/system/support/good_client.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

const std::string kHello = std::string(kWho) + "listen = unix:{dir}/hello.sock\n";
constexpr const char* kShare = R"([pool share]
workers = 2
[service web]
plugin = {plugins}/sharing.so
pool = share
listen = tcp://127.0.0.1:0
)";

/// What the master's descriptors lead to, once it has only this many sockets of its own: no client of the control
/// socket is left.
std::vector<std::string> descriptors(const Server& server, std::ptrdiff_t sockets) {
  std::vector<std::string> all;
  EXPECT_TRUE(eventually([&] {
    all.clear();
    for (const auto& [fd, what] : descriptors_of(server.pid())) all.push_back(what);
    return std::count_if(all.begin(), all.end(), [](const auto& what) { return what.starts_with("socket:"); }) ==
           sockets + kMastersOwnSockets;
  })) << testing::PrintToString(all);
  std::sort(all.begin(), all.end());
  return all;
}

/// How many descriptors besides the standard ones a program that the master executes would inherit: those that the
/// master itself has inherited from whoever started the test.
int inheritable(const Server& server) {
  int count = 0;
  for (const auto& [fd, what] : descriptors_of(server.pid())) {
    const std::string info = read_file("/proc/" + std::to_string(server.pid()) + "/fdinfo/" + std::to_string(fd));
    const auto flags = info.find("flags:");
    if (fd <= 2 || flags == std::string::npos) continue;
    count += (std::stol(info.substr(flags + 6), nullptr, 8) & O_CLOEXEC) == 0 ? 1 : 0;
  }
  return count;
}

void expect_upgraded(const Server& server, std::vector<std::string> words = {"upgrade"}) {
  const Outcome upgrade = server.ctl(std::move(words));
  EXPECT_EQ(upgrade.code, 0) << upgrade.err;
  EXPECT_THAT(upgrade.out, testing::HasSubstr("goes on in the place of"));
}

/// An executable file; `{master}` and `{dir}` are filled in.
std::string program(const Server& server, const std::string& name, std::string text, mode_t mode = 0755) {
  for (const auto& [what, value] :
       {std::pair<std::string, std::string>{"{master}", kMaster}, {"{dir}", server.dir().path()}}) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what)) text.replace(at, what.size(), value);
  }
  const std::string path = server.dir() / name;
  write_file(path, text);
  ::chmod(path.c_str(), mode);
  return path;
}

TEST(Upgrade, KeepsProcessesSocketsAndWhatIsShared) {
  Server server(kHello + "access-log = {dir}/access.log\n" + kShare);
  server.ready(4);
  Client idle(server.address("hello"));
  ASSERT_EQ(body_of(get(idle)), "Hello, World!");
  Client sharing(server.address("web"));
  ASSERT_EQ(say(sharing, "put one"), "done");
  ASSERT_EQ(say(sharing, "put two"), "done");
  ASSERT_EQ(say(sharing, "take"), "one (1)");
  ASSERT_EQ(say(sharing, "acquire"), "done");
  const Json before = server.status();
  const auto held = descriptors(server, 4);
  const int open = inheritable(server);

  server.signal(SIGUSR2);
  EXPECT_TRUE(server.logged("upgraded: prefork-master"));
  const Json after = server.status();
  EXPECT_EQ(after["master"]["pid"], server.pid());
  EXPECT_EQ(after["master"]["generation"], 1);
  EXPECT_GE(after["master"]["uptime_ms"], before["master"]["uptime_ms"]);
  EXPECT_EQ(after["listeners"], before["listeners"]);
  EXPECT_GE(after["totals"]["requests"], before["totals"]["requests"]);
  ASSERT_EQ(after["workers"].size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    for (const char* key : {"pid", "pool", "index", "slot", "generation"}) {
      EXPECT_EQ(after["workers"][i][key], before["workers"][i][key]) << key;
    }
    EXPECT_GE(after["workers"][i]["uptime_ms"], before["workers"][i]["uptime_ms"]);
  }
  // But the fork server's: another one is started for the next worker.
  const auto kept = descriptors(server, 3);
  EXPECT_TRUE(std::includes(held.begin(), held.end(), kept.begin(), kept.end()));
  EXPECT_EQ(kept.size() + 1, held.size());
  EXPECT_EQ(inheritable(server), open);
  EXPECT_EQ(body_of(get(idle)), "Hello, World!") << "a connection from before";
  EXPECT_EQ(greeting(server), "Hello, World!");
  EXPECT_EQ(read_file(server.pid_path()), std::to_string(server.pid()) + "\n");
  EXPECT_EQ(start_with(server.dir(), read_file(server.config_path())).code, 69) << "the pid file is still locked";

  // The dead are noticed, repaired and replaced from the same plugins, whatever lies on the disk now.
  const std::string who = say(sharing, "who");
  ::kill(std::stoi(who.substr(who.find(' '))), SIGKILL);
  EXPECT_TRUE(server.logged("left 1 message of queue jobs and 1 permit of semaphore gate: freed"));
  server.ready(4);
  Client other(server.address("web"));
  EXPECT_EQ(say(other, "get"), "one (2)");
  EXPECT_EQ(say(other, "get"), "two (1)");
  EXPECT_EQ(server.ctl({"scale", "main", "3"}).code, 0);
  server.ready(5);
  EXPECT_EQ(server.ctl({"reload"}).out, "generation 2 serves\n");
  EXPECT_TRUE(eventually([&] { return count(read_file(server.dir() / "access.log"), "GET / ") >= 3; }));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Upgrade, ByCommandToAnotherBinaryAndBack) {
  Server server(kHello + kShare);
  server.ready(4);
  const auto workers = server.workers();
  const std::string copy = server.dir() / "another";
  std::filesystem::copy_file(kMaster, copy);
  const auto executed = [&] { return std::filesystem::read_symlink("/proc/" + std::to_string(server.pid()) + "/exe"); };
  for (int i = 0; i < 3; ++i) {
    expect_upgraded(server, {"upgrade", copy});
    EXPECT_EQ(executed(), copy);
    // The program that was started is started again, even if another file is there now.
    write_file(copy + ".new", read_file(kMaster));
    ::chmod((copy + ".new").c_str(), 0755);
    std::filesystem::rename(copy + ".new", copy);
    expect_upgraded(server);
    EXPECT_EQ(executed(), copy);
    expect_upgraded(server, {"upgrade", kMaster});
    EXPECT_EQ(executed(), std::filesystem::canonical(kMaster));
  }
  EXPECT_EQ(server.workers(), workers);
  EXPECT_EQ(greeting(server), "Hello, World!");
  EXPECT_TRUE(server.stops_clean());
}

// A worker that is killed while there is no master to take the signal is reaped by the next one.
TEST(Upgrade, NoDeathIsMissed) {
  Server server(kHello);
  server.ready(2);
  for (int i = 0; i < 8; ++i) {
    const pid_t victim = server.workers()[0];
    Outcome upgrade;
    std::thread upgrading([&] { upgrade = server.ctl({"upgrade"}); });
    std::this_thread::yield();
    ::kill(victim, SIGKILL);
    upgrading.join();
    EXPECT_EQ(upgrade.code, 0) << upgrade.err;
    EXPECT_TRUE(eventually([&] {
      const auto now = server.workers();
      return std::count(now.begin(), now.end(), victim) == 0;
    }));
    server.ready(2);
  }
  EXPECT_EQ(server.status()["restarts"]["killed"], 8);
  EXPECT_TRUE(server.stops_clean());
}

// The program that is to take over waits until the test lets it continue.
constexpr const char* kWaits = R"(#!/bin/sh
touch {dir}/waits
while [ ! -e {dir}/go ]; do sleep 0.01; done
exec {master} "$@"
)";

TEST(Upgrade, AReloadThatIsAskedForMeanwhileIsDoneByTheNextOne) {
  Server server(kHello);
  server.ready(2);
  const std::string waits = program(server, "waiting", kWaits);
  Outcome upgrade, second, reload;
  std::thread upgrading([&] { upgrade = server.ctl({"upgrade", waits}); });
  EXPECT_TRUE(eventually([&] { return exists(server.dir() / "waits"); }));
  EXPECT_EQ(server.ctl({"upgrade"}).code, 69) << "one at a time";
  std::thread reloading([&] { reload = server.ctl({"reload"}); });
  EXPECT_TRUE(server.logged("reload command: reload"));
  EXPECT_EQ(server.status()["master"]["generation"], 1);
  write_file(server.dir() / "go", "");
  upgrading.join();
  reloading.join();
  EXPECT_EQ(upgrade.code, 0) << upgrade.err;
  EXPECT_EQ(reload.code, 0) << reload.err;
  EXPECT_EQ(reload.out, "generation 2 serves\n");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Upgrade, AReloadUnderWayIsAwaited) {
  const std::string config =
      "[pool main]\nworkers = 1\nboot-timeout = 3s\n[service s]\nplugin = {plugins}/moody.so\n"
      "listen = tcp://127.0.0.1:0\n";
  Server server(config);
  server.ready(1);
  server.configure(config + "mood = wait\n");
  Outcome reload, upgrade;
  std::thread reloading([&] { reload = server.ctl({"reload"}); });
  EXPECT_TRUE(eventually([&] { return server.status()["master"]["reload"] == "canary"; }));
  std::thread upgrading([&] { upgrade = server.ctl({"upgrade"}); });
  EXPECT_TRUE(server.logged("after the reload"));
  server.configure(config);
  reloading.join();
  upgrading.join();
  EXPECT_EQ(reload.code, 70);
  EXPECT_EQ(upgrade.code, 0) << upgrade.err;
  EXPECT_TRUE(server.stops_clean());
}

TEST(Upgrade, AStopMeanwhileIsToldToWhoWaits) {
  Server server(kHello);
  server.ready(2);
  const std::string waits = program(server, "waiting", kWaits);
  Outcome upgrade;
  std::thread upgrading([&] { upgrade = server.ctl({"upgrade", waits}); });
  EXPECT_TRUE(eventually([&] { return exists(server.dir() / "waits"); }));
  EXPECT_TRUE(server.stops_clean());
  upgrading.join();
  EXPECT_EQ(upgrade.code, 69);
  EXPECT_THAT(upgrade.err, testing::HasSubstr("stopping"));
}

// The child that tries it holds the pipes by which workers would see the master's end.
TEST(Upgrade, TheTrialEndsWithAKilledMaster) {
  Server server(kHello);
  server.ready(2);
  const std::string waits = program(server, "waiting", kWaits);
  std::thread upgrading([&] { server.ctl({"upgrade", waits}); });
  EXPECT_TRUE(eventually([&] { return exists(server.dir() / "waits"); }));
  server.signal(SIGKILL);
  upgrading.join();
  EXPECT_EQ(server.wait_exit(), -SIGKILL);
  EXPECT_TRUE(server.process().group_gone(2s)) << "the workers have left";
}

// A program that can't go on.

struct Bad {
  const char* name;
  const char* text;  ///< of the program, see program(); "/...": another file; empty: the master's own
  int code;
  std::string reason;
  std::string config{};  ///< what the configuration is by then; empty: the same
  mode_t mode = 0755;
};
void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }

/// The master's own program gets another state than it should.
std::string with_state(const std::string& filter) {
  return "#!/bin/bash\nset -e\nfor last; do :; done\n" + filter +
         " < /proc/self/fd/${last#*=} > {dir}/state\nexec {state}<{dir}/state\n"
         "exec {master} -c {dir}/prefork.conf --verify-handover=$state\n";
}
const std::string kCut = with_state("head -c 600");
const std::string kGarbled = with_state("sed '4s/,/;/'");
const std::string kOtherLayout = with_state("sed '2s/layout-[0-9]*/layout-999/'");
const std::string kOtherVersion = with_state("sed '1s/.*/prefork-handover 999/'");

class BadUpgrade : public testing::TestWithParam<Bad> {};

TEST_P(BadUpgrade, ChangesNothingAndTellsWhy) {
  const Bad& bad = GetParam();
  // The trial has as long as a worker.
  Server server(kHello, {.arguments = {"-o", bad.name == std::string("hangs") ? "pool.main.boot-timeout=2s"
                                                                              : "pool.main.boot-timeout=30s"}});
  server.ready(2);
  const auto workers = server.workers();
  const auto held = descriptors(server, 3);
  const int open = inheritable(server);
  for (int i = 0; i < 2; ++i) {
    std::vector<std::string> words{"upgrade"};
    if (bad.text[0] == '/') words.push_back(bad.text);
    if (bad.text[0] != '/' && bad.text[0] != '\0') words.push_back(program(server, "bad", bad.text, bad.mode));
    if (!bad.config.empty()) server.configure(bad.config);
    const Outcome upgrade = server.ctl(words);
    EXPECT_EQ(upgrade.code, bad.code) << upgrade.err;
    EXPECT_THAT(upgrade.err, testing::HasSubstr(bad.reason));
    EXPECT_THAT(upgrade.err, testing::HasSubstr("goes on: "));
    EXPECT_EQ(count(upgrade.err, "\n"), 1U) << upgrade.err;
  }
  EXPECT_EQ(greeting(server), "Hello, World!");
  EXPECT_EQ(server.workers(), workers) << "the same ones";
  EXPECT_EQ(descriptors(server, 3), held);
  EXPECT_EQ(inheritable(server), open);
  EXPECT_TRUE(eventually([&] { return children_of(server.pid()).size() == 2; })) << "no child is left";
  if (exists(server.dir() / "grandchild")) {
    const pid_t grandchild = std::stoi(read_file(server.dir() / "grandchild"));
    EXPECT_TRUE(eventually([&] { return !alive(grandchild); }));
  }
  server.configure(kHello);
  expect_upgraded(server, {"upgrade", kMaster});
  EXPECT_EQ(server.workers(), workers);
  EXPECT_TRUE(server.stops_clean());
}

INSTANTIATE_TEST_SUITE_P(
    All, BadUpgrade,
    testing::Values(
        Bad{"absent", "/no/such/program", 66, "exec /no/such/program: No such file or directory"},
        Bad{"not_executable", "#!/bin/sh\n", 77, "Permission denied", "", 0644},
        Bad{"folder", "/usr", 77, "exec /usr: Permission denied"},
        Bad{"no_program", "some text\n", 78, "Exec format error"},
        Bad{"cut_program",
            "\x7f"
            "ELF\x02\x01\x01",
            78, "Exec format error"},
        Bad{"no_interpreter", "#!/no/such/shell\n", 66, "No such file"},
        Bad{"exits_well", "#!/bin/sh\nexit 0\n", 78, "ends with exit code 0"},
        Bad{"exits_badly", "#!/bin/sh\necho no luck today >&2\nexit 3\n", 78, "exit code 3 and says: no luck today"},
        Bad{"says_yes_but_fails", "#!/bin/sh\necho prefork-handover yes 9\nexit 1\n", 78, "exit code 1"},
        Bad{"hangs", "#!/bin/sh\nsleep 1000\n", 78, "does not say in time"},
        Bad{"crashes", "#!/bin/sh\nkill -SEGV $$\n", 78, "crashes: SIGSEGV"},
        Bad{"garbage", "#!/bin/sh\nprintf '\\001\\377prefork-handover\\n'\n", 78, "says: \\x01\\xffprefork"},
        Bad{"endless_garbage", "#!/bin/sh\nexec cat /dev/urandom\n", 78, "says too much"},
        Bad{"endless_lines", "#!/bin/sh\nexec yes prefork-handover yes 9\n", 78, "says too much"},
        Bad{"leaves_a_child", "#!/bin/sh\nsleep 1000 & echo $! > {dir}/grandchild\n", 78, "exit code 0"},
        Bad{"another_program", "/bin/cat", 78, "cat: invalid option"},
        Bad{"says_yes_and_goes", "#!/bin/sh\nrm $0\necho prefork-handover yes 9\n", 71, "No such file or directory"},
        Bad{"cut_state", kCut.c_str(), 70, "damaged"}, Bad{"garbled_state", kGarbled.c_str(), 70, "damaged"},
        Bad{"another_layout", kOtherLayout.c_str(), 70, "another layout"},
        Bad{"another_version", kOtherVersion.c_str(), 70, "another version"},
        Bad{"bad_config", "", 78, "prefork.conf:5", "[pool main\n"},
        Bad{"no_plugin", "", 66, "not-there", "[service s]\nplugin = not-there\nlisten = tcp://127.0.0.1:0\n"},
        Bad{"bad_plugin", "", 78, "99.0", "[service s]\nplugin = {plugins}/bad_abi.so\nlisten = tcp://127.0.0.1:0\n"},
        Bad{"other_room", "", 78, "max-workers can't change", std::string("max-workers = 100\n") + kHello}),
    [](const auto& which) { return std::string(which.param.name); });

TEST(AloneUpgrade, DropsNothingUnderLoad) {
  SKIP_UNLESS_HAVE("wrk");
  SKIP_UNLESS_HAVE("ab");
  Server server(kHello);
  server.ready(2);
  const auto workers = server.workers();
  const std::string url = server.address("hello").http("/");
  Outcome wrk, ab;
  std::thread keeping([&] { wrk = run({{"wrk", "-d2s", "-c32", "-t1", url}}); });
  std::thread connecting([&] { ab = run({{"ab", "-q", "-t", "2", "-n", "1000000", "-c", "16", url}}); });
  int upgrades = 0;
  const auto end = std::chrono::steady_clock::now() + 2s;
  while (std::chrono::steady_clock::now() < end) {
    expect_upgraded(server);
    ++upgrades;
  }
  keeping.join();
  connecting.join();
  EXPECT_GE(upgrades, 3);
  EXPECT_EQ(count(wrk.out, "Socket errors"), 0U) << wrk.out;
  EXPECT_EQ(count(wrk.out, "Non-2xx"), 0U) << wrk.out;
  EXPECT_EQ(count(wrk.out, "Requests/sec"), 1U) << wrk.err;
  EXPECT_EQ(count(ab.out, "Failed requests:        0\n"), 1U) << ab.out << ab.err;
  EXPECT_EQ(server.workers(), workers);
  EXPECT_EQ(server.status()["restarts"].size(), 0U);
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
