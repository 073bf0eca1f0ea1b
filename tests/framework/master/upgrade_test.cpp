#include "framework/master/upgrade.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>

#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class UpgradeStepsTest : public testing::Test {
 protected:
  /// Reaps the trial.
  void reap() {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, 0);
    ASSERT_GT(pid, 0);
    upgrade.buried(pid, status);
  }
  Upgrade::Hooks hooks() {
    return {[this] {
              ++handed;
              return Handover{};
            },
            [this] { ++settled; },
            [this](ControlSocket::ClientId client, const std::string& line) { answers[client] += line; }};
  }

  test::TempFolder folder;
  Log log{folder.file("log"), LogLevel::debug};
  Reactor reactor;
  unsigned handed = 0;
  unsigned settled = 0;
  std::map<ControlSocket::ClientId, std::string> answers;
  Upgrade upgrade{{"/nowhere/prefork-master", {}}, "1.0", reactor, log, hooks()};
};

TEST_F(UpgradeStepsTest, OneAtATime) {
  EXPECT_EQ(upgrade.ask(std::nullopt, 1, "a test", false), "");
  EXPECT_TRUE(upgrade.is_awaited_by(1));
  EXPECT_FALSE(upgrade.is_awaited_by(2));
  EXPECT_THAT(upgrade.ask(std::nullopt, 2, "a test", false), HasSubstr("under way already"));
}

TEST_F(UpgradeStepsTest, AReloadIsAwaited) {
  upgrade.ask(std::nullopt, 1, "a test", true);
  upgrade.tend(Clock::now(), {true, false}, 10s);
  EXPECT_FALSE(upgrade.has_begun());
  EXPECT_EQ(handed, 0U);
  EXPECT_FALSE(upgrade.next_deadline());
}

TEST_F(UpgradeStepsTest, AProgramThatIsNotThereChangesNothing) {
  upgrade.ask(std::nullopt, 1, "a test", false);
  const TimePoint now = Clock::now();
  upgrade.tend(now, {}, 10s);
  EXPECT_TRUE(upgrade.has_begun());
  EXPECT_EQ(upgrade.next_deadline(), now + 10s);
  EXPECT_EQ(handed, 1U);
  reap();
  EXPECT_FALSE(upgrade.has_begun());
  EXPECT_THAT(answers[1], HasSubstr("not upgraded, prefork-master 1.0 goes on: "));
  EXPECT_THAT(answers[1], HasSubstr("/nowhere/prefork-master"));
  EXPECT_EQ(settled, 0U);
}

TEST_F(UpgradeStepsTest, ATrialThatTakesTooLongIsKilled) {
  const std::string program = folder.file("slow");
  std::ofstream(program) << "#!/bin/sh\nexec sleep 100\n";
  ::chmod(program.c_str(), 0700);
  upgrade.ask(program, 1, "a test", false);
  upgrade.tend(Clock::now(), {}, 0s);
  upgrade.tend(Clock::now(), {}, 0s);
  reap();
  EXPECT_THAT(answers[1], HasSubstr("does not say in time whether it can take over"));
}

TEST_F(UpgradeStepsTest, AStopIsToldToWhoWaits) {
  upgrade.ask(std::nullopt, 1, "a test", true);
  upgrade.stop();
  EXPECT_THAT(answers[1], HasSubstr("the server is stopping"));
  EXPECT_FALSE(upgrade.is_awaited_by(1));
}

TEST(TrialPatience, IsThatOfTheSlowestPool) {
  config::Options options;
  options.pools.resize(2);
  options.pools[0].boot_timeout = 5s;
  options.pools[1].boot_timeout = 7s;
  EXPECT_EQ(trial_patience(options), 7s);
  for (auto& pool : options.pools) pool.boot_timeout = 0s;
  EXPECT_EQ(trial_patience(options), 30s) << "no pool has a limit";
}

}  // namespace
}  // namespace prefork::master
