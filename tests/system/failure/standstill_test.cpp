// Goal: nobody is blamed for time in which nobody ran (a frozen container, everything stopped): no worker is aborted
// and no active client is cut off although every time-out has long passed; what really is stuck is found afterwards.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>

#include "tests/system/support/good_client.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

// Time-outs that leave a loaded machine some room, and a standstill that is longer than all of them.
constexpr auto kConfig =
    "[pool main]\nworkers = 3\nworker-timeout = 3s\n"
    "[pool calls]\nworkers = 1\nworker-timeout = 4s\n"
    "[pool late]\nworkers = 1\nboot-timeout = 1h\n"
    "[service stuck]\nplugin = {plugins}/stuck.so\nlisten = tcp://127.0.0.1:0\n"
    "request-timeout = 3s\nheader-timeout = 3s\nbody-timeout = 3s\nkeepalive-timeout = 3s\n"
    "[service echo]\nplugin = echo\nlisten = tcp://127.0.0.1:0\nidle-timeout = 3s\n"
    "[service calls]\nplugin = {plugins}/stuck_blocking.so\npool = calls\nlisten = tcp://127.0.0.1:0\n"
    "idle-timeout = 3s\n"
    "[service moody]\nplugin = {plugins}/moody.so\nmood = wait\npool = late\nlisten = tcp://127.0.0.1:0\n";
constexpr milliseconds kStandstill = 6s;

void let_pass(milliseconds time) {
  const auto start = std::chrono::steady_clock::now();
  eventually([&] { return std::chrono::steady_clock::now() - start > time; }, time + 1s);
}

/// Stops the time of a whole server.
class Stopper {
 public:
  virtual ~Stopper() = default;
  virtual void stop(const Server& server) = 0;
  virtual void go_on(const Server& server) = 0;
};

/// A control group of the kernel's freezer, of either version, as containers are frozen with.
class Freezer final : public Stopper {
 public:
  /// @return null: there is none that this test may use
  static std::unique_ptr<Stopper> make() {
    struct Version {
      const char* root;
      const char* file;
      const char* frozen;
      const char* thawed;
    };
    constexpr Version kVersions[] = {{"/sys/fs/cgroup/freezer", "freezer.state", "FROZEN", "THAWED"},
                                     {"/sys/fs/cgroup/unified", "cgroup.freeze", "1", "0"},
                                     {"/sys/fs/cgroup", "cgroup.freeze", "1", "0"}};
    for (const Version& version : kVersions) {
      const std::string folder = std::string(version.root) + "/prefork-test-" + std::to_string(::getpid());
      if (::mkdir(folder.c_str(), 0755) == -1) continue;
      std::unique_ptr<Freezer> freezer(new Freezer(folder, version.file, version.frozen, version.thawed));
      if (::access(freezer->state_.c_str(), W_OK) == 0) return freezer;
    }
    return nullptr;
  }
  ~Freezer() override {
    write(state_, thawed_);
    eventually([&] { return ::rmdir(folder_.c_str()) == 0; });
  }
  void stop(const Server& server) override {
    move(server.pid());
    for (const pid_t pid : children_of(server.pid())) move(pid);
    ASSERT_TRUE(write(state_, frozen_));
  }
  void go_on(const Server&) override { ASSERT_TRUE(write(state_, thawed_)); }

 private:
  Freezer(std::string folder, const std::string& file, std::string frozen, std::string thawed)
      : folder_(std::move(folder)),
        state_(folder_ + "/" + file),
        frozen_(std::move(frozen)),
        thawed_(std::move(thawed)) {}
  static bool write(const std::string& path, const std::string& text) {
    std::ofstream file(path);
    file << text << std::flush;
    return file.good();
  }
  void move(pid_t pid) const { ASSERT_TRUE(write(folder_ + "/cgroup.procs", std::to_string(pid))); }

  std::string folder_, state_, frozen_, thawed_;
};

/// SIGSTOP for everyone. The master goes on first, and looks around, before any worker does.
class Signaller final : public Stopper {
 public:
  void stop(const Server& server) override {
    server.signal(SIGSTOP);
    for (const pid_t pid : children_of(server.pid())) ::kill(pid, SIGSTOP);
  }
  void go_on(const Server& server) override {
    server.signal(SIGCONT);
    EXPECT_EQ(server.status()["pools"].size(), 3U);
    for (const pid_t pid : children_of(server.pid())) ::kill(pid, SIGCONT);
  }
};

struct Way {
  const char* name;
  std::unique_ptr<Stopper> (*make)();
};

void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

class Standstill : public testing::TestWithParam<Way> {};

TEST_P(Standstill, NobodyIsAbortedAndClientsGoOn) {
  const auto stopper = GetParam().make();
  if (stopper == nullptr) GTEST_SKIP() << "needs a freezer";
  Server server(kConfig);
  server.ready(3, "main").ready(1, "calls");
  ASSERT_TRUE(eventually([&] { return server.workers("late").size() == 1; }));
  const auto before = server.workers();

  const Address stuck = server.address("stuck");
  Client head(stuck), body(stuck), kept(stuck);
  head.send("GET /pid HTTP/1.1\r\nHo");
  body.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
  EXPECT_THAT(get(kept, "/pid"), testing::StartsWith("HTTP/1.1 200 "));
  Client echo(server.address("echo")), call(server.address("calls"));
  EXPECT_EQ(say(echo, "one"), "one");
  const std::string worker = say(call, "who");

  stopper->stop(server);
  let_pass(kStandstill);
  stopper->go_on(server);

  EXPECT_THAT(head.send("st: a\r\n\r\n").receive_until("\r\n\r\n"), testing::StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(body.send("cd").receive_until("\r\n\r\n"), testing::StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get(kept, "/pid"), testing::StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(say(echo, "two"), "two");
  EXPECT_EQ(say(call, "who"), worker);
  EXPECT_EQ(server.workers(), before);
  EXPECT_EQ(server.status()["restarts"], Json::object());
  EXPECT_EQ(server.log().find("aborted"), std::string::npos) << server.log();

  // Their time runs again, and that of who is stuck as well.
  EXPECT_TRUE(kept.closed()) << "an idle client";
  const pid_t victim = std::stoi(worker);
  ASSERT_EQ(::kill(victim, SIGSTOP), 0);
  EXPECT_TRUE(server.logged("has no heartbeat: it is aborted"));
  ASSERT_EQ(::kill(victim, SIGKILL), 0);
  server.ready(1, "calls");
  EXPECT_TRUE(server.stops_clean());
}

INSTANTIATE_TEST_SUITE_P(Ways, Standstill,
                         testing::Values(Way{"frozen", Freezer::make},
                                         Way{"stopped",
                                             [] { return std::unique_ptr<Stopper>(std::make_unique<Signaller>()); }}),
                         [](const auto& which) { return std::string(which.param.name); });

// The workers continue without it; it looks at them again before it judges.
TEST(StandstillOfTheMaster, EndsNoWorkerAndNoStart) {
  Server server(
      "[pool main]\nworkers = 2\nworker-timeout = 3s\n[pool late]\nworkers = 1\nboot-timeout = 5s\n"
      "[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n"
      "[service moody]\nplugin = {plugins}/moody.so\nmood = late\nunless = {dir}/well\npool = late\n"
      "listen = tcp://127.0.0.1:0\n");
  server.ready(2, "main");
  ASSERT_TRUE(eventually([&] { return server.workers("late").size() == 1; }));
  const auto before = server.workers();
  const Address hello = server.address("hello");
  server.signal(SIGSTOP);
  let_pass(kStandstill);
  Client client(hello);
  EXPECT_EQ(body_of(get(client)), "Hello, World!");
  server.signal(SIGCONT);
  EXPECT_EQ(server.workers(), before) << "it has looked around";
  write_file(server.dir() / "well", "");
  server.ready(1, "late");
  EXPECT_EQ(server.workers(), before);
  EXPECT_EQ(server.status()["restarts"], Json::object());
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
