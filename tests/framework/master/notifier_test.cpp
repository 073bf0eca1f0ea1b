#include "framework/master/notifier.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <fstream>
#include <sstream>

#include "ipc/posix/syscall.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

constexpr const char* kAllReady = "STATUS=generation 1: 2 workers ready, 2 wanted";

/// A service manager's end of the protocol.
class Manager {
 public:
  explicit Manager(const std::string& address) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    address.copy(name.sun_path, address.size());
    if (address.front() == '@') name.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
    ipc::check_syscall(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&name), length), "bind " + address);
  }
  /// All that has come so far.
  std::vector<std::string> heard() {
    std::vector<std::string> all;
    std::array<char, 4096> text;
    for (ssize_t n; (n = ::recv(socket_.get(), text.data(), text.size(), MSG_DONTWAIT)) >= 0;) {
      all.emplace_back(text.data(), static_cast<std::size_t>(n));
    }
    return all;
  }

 private:
  ipc::UniqueFd socket_{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

struct NotifierTest : testing::Test {
  Notifier::Setup setup(std::optional<std::chrono::microseconds> watchdog = std::nullopt) const {
    Notifier::Setup wanted;
    wanted.socket = address;
    wanted.watchdog = watchdog;
    return wanted;
  }
  std::string logged() const {
    std::ostringstream text;
    text << std::ifstream(dir.path() + "/log").rdbuf();
    return text.str();
  }
  static ServiceReport report(unsigned ready) { return {1, ready, 2, 2, ready == 2, false, {}, {}}; }

  test::TempFolder dir;
  std::string address = dir.path() + "/notify";
  Log log{dir.path() + "/log", LogLevel::info};
  TimePoint now = Clock::now();
};

TEST_F(NotifierTest, TellsOfAServersLife) {
  for (const std::string& name : {address, "@prefork-test-" + std::to_string(::getpid())}) {
    address = name;
    Manager manager(name);
    Notifier notifier(setup(), log);
    notifier.tend(now, report(0));
    EXPECT_THAT(manager.heard(), ElementsAre("STATUS=generation 1: 0 workers ready, 2 wanted"));
    notifier.tend(now, report(0));
    EXPECT_THAT(manager.heard(), IsEmpty()) << "nothing has changed";
    notifier.tend(now, report(2));
    EXPECT_THAT(manager.heard(), ElementsAre("READY=1", kAllReady));
    notifier.reload_began();
    notifier.tend(now, {1, 3, 2, 3, false, false, "canary", "generation 1 serves"});
    EXPECT_THAT(manager.heard(), ElementsAre(MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"),
                                             "STATUS=generation 1: 3 workers ready, 2 wanted; reload: canary"));
    notifier.reload_ended();
    notifier.tend(now, {1, 2, 2, 2, true, false, {}, "failed: x.conf:1: a bad\nline"});
    EXPECT_THAT(manager.heard(),
                ElementsAre("READY=1", std::string(kAllReady) + "; the last reload failed: x.conf:1: a bad\\x0aline"));
    notifier.stopping();
    notifier.stopping();
    notifier.reload_ended();
    notifier.tend(now, {1, 0, 2, 1, true, true, {}, {}});
    EXPECT_THAT(manager.heard(), ElementsAre("STOPPING=1", "STATUS=stopping: 1 workers left"));
    EXPECT_EQ(notifier.next_deadline(), std::nullopt);
  }
}

TEST_F(NotifierTest, TellsThePidWhereTheManagerKnowsAnother) {
  Manager manager(address);
  int ready = 0;
  Notifier::Setup daemon = setup();
  daemon.tells_pid = true;
  daemon.on_ready = [&] { ++ready; };
  Notifier notifier(daemon, log);
  notifier.tend(now, report(2));
  notifier.tend(now, report(1));
  notifier.tend(now, report(2));
  EXPECT_EQ(manager.heard().front(), "READY=1\nMAINPID=" + std::to_string(::getpid()));
  EXPECT_EQ(ready, 1) << "it was ready; that workers come and go later is no news";
}

TEST_F(NotifierTest, AReloadBeforeTheServerIsReadyIsPartOfTheStart) {
  Manager manager(address);
  Notifier notifier(setup(), log);
  notifier.reload_began();
  notifier.reload_ended();
  EXPECT_THAT(manager.heard(), IsEmpty());
}

TEST_F(NotifierTest, AServerThatWasReadyIsSo) {
  Manager manager(address);
  Notifier::Setup handed = setup();
  handed.was_ready = true;
  Notifier notifier(handed, log);
  EXPECT_THAT(manager.heard(), IsEmpty());
  notifier.tend(now, report(1));
  EXPECT_EQ(manager.heard().front(), "READY=1");
  notifier.reload_began();
  EXPECT_THAT(manager.heard(), ElementsAre(MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+")));
}

TEST_F(NotifierTest, GivesASignOfLifeTwiceInAPeriod) {
  Manager manager(address);
  Notifier notifier(setup(10s), log);
  const auto signs = [&] {
    const auto heard = manager.heard();
    return std::count(heard.begin(), heard.end(), "WATCHDOG=1");
  };
  now = Clock::now();
  for (int second = 0; second < 60; ++second, now += 1s) {
    notifier.tend(now, report(2));
    ASSERT_TRUE(notifier.next_deadline());
    EXPECT_LE(*notifier.next_deadline() - now, 5s);
    EXPECT_EQ(signs(), second % 5 == 0 ? 1 : 0) << second;
  }
  notifier.reload_began();
  EXPECT_THAT(manager.heard(), ElementsAre(testing::EndsWith("\nWATCHDOG=1"))) << "the master may be busy for a while";
}

// As from a manager that is busy: its socket takes a few datagrams and no more.
TEST_F(NotifierTest, WaitsForAManagerThatDoesNotListenAndNeverBlocks) {
  Manager manager(address);
  Notifier notifier(setup(), log);
  unsigned generation = 1;
  do {
    notifier.tend(now, {generation++, 0, 2, 2, false, false, {}, {}});
    ASSERT_LT(generation, 100'000U);
  } while (!notifier.next_deadline());
  for (int i = 0; i < 100; ++i) notifier.tend(now, {generation++, 0, 2, 2, false, false, {}, {}});
  notifier.tend(now, {generation, 2, 2, 2, true, false, {}, {}});
  manager.heard();
  notifier.tend(now, {generation, 2, 2, 2, true, false, {}, {}});
  EXPECT_THAT(manager.heard(),
              ElementsAre("READY=1", "STATUS=generation " + std::to_string(generation) + ": 2 workers ready, 2 wanted"))
      << "of what was said meanwhile only the last status counts";
  EXPECT_EQ(notifier.next_deadline(), std::nullopt);
  EXPECT_EQ(logged(), "");
}

TEST_F(NotifierTest, SaysOnceThatTheManagerCannotBeReached) {
  for (const std::string& bad :
       {dir.path() + "/nobody", std::string("vsock:2:1234"), std::string("/" + std::string(200, 'x'))}) {
    address = bad;
    const std::string before = logged();
    Notifier notifier(setup(), log);
    notifier.tend(now, report(0));
    notifier.tend(now, report(2));
    notifier.stopping();
    const std::string line = logged().substr(before.size());
    EXPECT_THAT(line, HasSubstr("can't be notified: sendto NOTIFY_SOCKET " + bad.substr(0, 50)));
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  }
}

TEST_F(NotifierTest, WithoutAManagerItIsSilent) {
  address.clear();
  Notifier notifier(setup(10s), log);
  notifier.tend(now, report(2));
  EXPECT_EQ(notifier.next_deadline(), std::nullopt);
  EXPECT_EQ(logged(), "");
}

TEST(NotifierEnvironment, IsTakenAwayAndHeldAgainstThePid) {
  const std::string own = std::to_string(::getpid());
  struct Row {
    std::string usec, pid;
    std::optional<std::chrono::microseconds> watchdog;
  };
  const std::vector<Row> table{
      {"30000000", own, 30s},
      {"30000000", "", 30s},
      {"30000000", "1", {}},
      {"0", own, {}},
      {"", own, {}},
      {"-5", own, {}},
      {"30s", own, {}},
      {"30000000", "x", {}},
      {"18446744073709551615", own, 24h * 365},
      {"18446744073709551616", own, {}},
  };
  for (const Row& row : table) {
    ::setenv("NOTIFY_SOCKET", "/run/x", 1);
    ::setenv("WATCHDOG_USEC", row.usec.c_str(), 1);
    ::setenv("WATCHDOG_PID", row.pid.c_str(), 1);
    const Notifier::Setup setup = Notifier::take_environment();
    EXPECT_EQ(setup.socket, "/run/x");
    EXPECT_EQ(setup.watchdog, row.watchdog) << row.usec << " for " << row.pid;
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) EXPECT_EQ(::getenv(name), nullptr);
  }
  EXPECT_EQ(Notifier::take_environment().socket, "");
}

}  // namespace
}  // namespace prefork::master
