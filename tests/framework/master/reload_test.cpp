#include "framework/master/reload.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "framework/master/loop/startup_error.hpp"
#include "framework/master/upgrade/handover.hpp"
#include "tests/framework/master/workforce/workforce_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_workforce;
using testing::HasSubstr;

class ReloadTest : public WorkforceTest {
 protected:
  void SetUp() override {
    start([](const SpawnOrder& order) { Puppet(order).serve(); },
          [this](pid_t pid, int status) {
            if (reload) reload->buried(pid, status);
          });
    reload = std::make_unique<Reload>(
        Reload::Parts{*force, fork_server, access_logs, reactor, log},
        [this](const Generation&, unsigned number, const std::optional<std::string>& only) {
          return prepare(number, only);
        },
        Reload::Hooks{[this] { ++begun; }, [this] { ++ended; },
                      [this](ControlSocket::ClientId client, const std::string& line) { answers[client] += line; }});
  }
  void TearDown() override {
    reload->stop();
    force->stop(WorkerEvent::kill_wanted);
    EXPECT_TRUE(turn_until([&] { return force->empty() && !has_children(); }));
  }
  static bool has_children() {
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
  }
  /// Runs in the child.
  Generation prepare(unsigned number, const std::optional<std::string>& only) const {
    if (!failure.empty()) throw StartupError(EX_CONFIG, failure);
    Generation next;
    next.number = number;
    next.options = generation.options;
    next.options.pools[0].workers = only ? 3 : 2;
    next.identities = generation.identities;
    return next;
  }
  /// Turns until nothing is under way or requested.
  bool settle() {
    return turn_until([&] {
      reload->tend(Clock::now(), true);
      return !reload->busy();
    });
  }

  ForkServer fork_server{"", {}};
  LogWriters writers{log, reactor};
  AccessLogs access_logs{writers, {}};
  std::string failure;
  std::unique_ptr<Reload> reload;
  std::map<ControlSocket::ClientId, std::string> answers;
  unsigned begun = 0;
  unsigned ended = 0;
};

TEST_F(ReloadTest, TakesOnTheNextGenerationAndAnswers) {
  EXPECT_FALSE(reload->busy());
  reload->ask({std::nullopt, {}, {7}}, "a test");
  EXPECT_TRUE(reload->busy());
  EXPECT_EQ(begun, 0U);
  reload->tend(Clock::now(), false);
  EXPECT_EQ(reload->phase(), "") << "it may not begin yet";
  reload->tend(Clock::now(), true);
  EXPECT_EQ(reload->phase(), "preparing");
  EXPECT_TRUE(reload->next_deadline());
  ASSERT_TRUE(settle());
  EXPECT_EQ(force->current().number, 2U);
  EXPECT_THAT(answers[7], HasSubstr("generation 2 serves"));
  EXPECT_EQ(reload->last(), "generation 2 serves");
  EXPECT_EQ(begun, 1U);
  EXPECT_EQ(ended, 1U);
  EXPECT_THAT(lines(), HasSubstr("a test: reload"));
}

TEST_F(ReloadTest, AFailureLeavesAllAsItIs) {
  failure = "the configuration is odd";
  reload->ask({std::nullopt, {}, {7}}, "a test");
  ASSERT_TRUE(settle());
  EXPECT_EQ(force->current().number, 1U);
  EXPECT_THAT(answers[7], HasSubstr("not reloaded, generation 1 goes on: the configuration is odd"));
  MasterStatus status;
  reload->report(status);
  EXPECT_EQ(status.reloads_failed, 1U);
  EXPECT_EQ(status.reloads_done, 0U);
  EXPECT_EQ(status.last_reload, "failed: the configuration is odd");
  EXPECT_EQ(ended, 1U);
}

TEST_F(ReloadTest, WhatIsAskedForMeanwhileIsDoneOnceAfterIt) {
  reload->ask({std::nullopt, {}, {1}}, "the first");
  reload->tend(Clock::now(), true);
  reload->ask({"main", {"web.a"}, {2}}, "the second");
  reload->ask({"main", {"web.b"}, {3}}, "the third");
  Handover handover;
  reload->hand_over(handover);
  EXPECT_TRUE(handover.wants_reload);
  EXPECT_EQ(handover.reload_only, "main") << "both want the same";
  EXPECT_EQ(handover.reload_discard, (std::vector<std::string>{"web.a", "web.b"}));
  EXPECT_TRUE(reload->is_awaited_by(2) && reload->is_awaited_by(3));
  EXPECT_FALSE(reload->is_awaited_by(1)) << "its reload has begun";
  reload->ask({}, "the fourth");
  reload->hand_over(handover = {});
  EXPECT_EQ(handover.reload_only, std::nullopt);
}

TEST_F(ReloadTest, GoesOnWithWhatAnotherProgramWasAskedFor) {
  Handover handover;
  handover.last_number = 6;
  handover.reloads_done = 5;
  handover.wants_reload = true;
  handover.reload_only = "main";
  reload->adopt(handover);
  reload->adopt_waiting(9);
  ASSERT_TRUE(settle());
  EXPECT_EQ(force->current().number, 7U);
  EXPECT_EQ(force->goal(*force->find_pool("main")), 3U);
  EXPECT_THAT(answers[9], HasSubstr("generation 7 serves"));
  MasterStatus status;
  reload->report(status);
  EXPECT_EQ(status.reloads_done, 6U);
}

TEST_F(ReloadTest, AStopIsToldToAllWhoWait) {
  reload->ask({std::nullopt, {}, {1}}, "the first");
  reload->tend(Clock::now(), true);
  reload->ask({std::nullopt, {}, {2}}, "the second");
  reload->stop();
  EXPECT_FALSE(reload->busy());
  EXPECT_THAT(answers[1], HasSubstr("the server is stopping"));
  EXPECT_THAT(answers[2], HasSubstr("the server is stopping"));
  EXPECT_EQ(reload->phase(), "");
}

}  // namespace
}  // namespace prefork::master
