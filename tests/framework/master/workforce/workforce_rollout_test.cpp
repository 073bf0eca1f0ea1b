#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "framework/master/loop/startup_error.hpp"
#include "framework/master/workforce/workforce.hpp"
#include "tests/framework/master/workforce/workforce_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_workforce;
using testing::HasSubstr;

class RolloutTest : public WorkforceTest {
 protected:
  /// Turns until the rollout has ended. @return why it failed, or nothing
  std::string end() {
    std::optional<Workforce::RolloutEnd> how;
    EXPECT_TRUE(turn_until([&] {
      fewest = std::min(fewest, ready());
      if (!how) how = force->take_rollout_end();
      return how && !force->rolling();
    }));
    return how ? how->failure : "it does not end";
  }
  std::map<unsigned, unsigned> generations() {
    std::map<unsigned, unsigned> all;
    for (const auto& worker : status().workers) ++all[static_cast<unsigned>(worker.generation)];
    return all;
  }
  bool settled(const std::map<unsigned, unsigned>& wanted) {
    return turn_until([&] { return generations() == wanted; });
  }
  unsigned fewest = 1000;
};

TEST_F(RolloutTest, ReplacesEveryWorkerAndIsNeverShort) {
  pool().workers = 4;
  start([](const SpawnOrder& order) { Puppet(order).serve(); });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  force->begin_rollout(successor(), std::nullopt);
  EXPECT_EQ(force->rollout_phase(), "canary");
  EXPECT_EQ(end(), "");
  EXPECT_GE(fewest, 4U);
  EXPECT_TRUE(settled({{2, 4}}));
  EXPECT_EQ(status().pools.size(), 1U);
  EXPECT_EQ(status().pools[0].target, 4U);
  EXPECT_EQ(force->generations().size(), 1U) << "the old one is forgotten";
  EXPECT_TRUE(status().restarts.empty()) << "who was told to go is no restart";
}

TEST_F(RolloutTest, ACanaryThatCannotStartChangesNothing) {
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    if (order.pool.generation->number == 1) puppet.serve();
    puppet.say(ipc::StatusKind::cannot_start, "the database is away");
    ::_exit(ipc::kExitCannotStart);
  });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  const auto before = pids();
  force->begin_rollout(successor(), std::nullopt);
  EXPECT_THAT(end(),
              testing::AllOf(HasSubstr("main/0"), HasSubstr("before it was ready"), HasSubstr("the database is away")));
  EXPECT_TRUE(settled({{1, 2}}));
  EXPECT_EQ(pids(), before) << "the same workers as ever";
  EXPECT_EQ(status().pools[0].failures, 0U);
}

TEST_F(RolloutTest, AFailureHalfWayBringsTheOldOnesBack) {
  pool().workers = 4;
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    if (order.pool.generation->number == 1 || order.index < 2) puppet.serve();
    ::abort();
  });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  force->begin_rollout(successor(), std::nullopt);
  EXPECT_THAT(end(), HasSubstr("SIGABRT"));
  EXPECT_GE(fewest, 4U);
  EXPECT_TRUE(settled({{1, 4}}));
  EXPECT_TRUE(all_ready());
}

// A client's request may kill any generation.
TEST_F(RolloutTest, WorkersThatDieOverAClientAreTriedAgain) {
  pool().workers = 3;
  const ipc::UniqueFd poison(::eventfd(25, EFD_NONBLOCK | EFD_SEMAPHORE));
  start([&](const SpawnOrder& order) {
    std::uint64_t token = 0;
    const bool dies = order.pool.generation->number == 2 && ::read(poison.get(), &token, sizeof token) > 0;
    Puppet puppet(order);
    if (!dies) puppet.serve();
    puppet.slot().add(ipc::Counter::bytes_out, 5);  // to any client that came before
    puppet.slot().begin_activity(ipc::ActivityKind::request, 0, ipc::monotonic_ns(), "GET /crash");
    puppet.say(ipc::StatusKind::ready);
    ::abort();
  });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  force->begin_rollout(successor(), std::nullopt);
  EXPECT_EQ(end(), "");
  EXPECT_TRUE(settled({{2, 3}}));
  EXPECT_EQ(restarts("crashed"), 25U);
  EXPECT_EQ(status().pools[0].failures, 0U);
}

TEST_F(RolloutTest, AGenerationThatDiesOverEachClientGoesBack) {
  pool().workers = 4;  // which are never ready all at once: the generation is not taken for good meanwhile
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    if (order.pool.generation->number == 1) puppet.serve();
    puppet.slot().begin_activity(ipc::ActivityKind::request, 0, ipc::monotonic_ns(), "GET /");
    puppet.say(ipc::StatusKind::ready);
    ::abort();
  });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  force->begin_rollout(successor(), std::nullopt);
  EXPECT_THAT(end(), testing::AllOf(HasSubstr("10 workers of it died while serving a client"), HasSubstr("SIGABRT")));
  EXPECT_TRUE(settled({{1, 4}}));
  EXPECT_GE(restarts("crashed"), 10U);
}

TEST_F(RolloutTest, ACanaryThatNeverGetsReadyIsGivenUp) {
  pool().boot_timeout = 200ms;
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    if (order.pool.generation->number == 1) puppet.serve();
    puppet.await_order();
    ::_exit(ipc::kExitRetired);
  });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  force->begin_rollout(successor(), std::nullopt);
  EXPECT_THAT(end(), HasSubstr("boot-timeout"));
  EXPECT_TRUE(settled({{1, 2}}));
}

TEST_F(RolloutTest, PoolsComeGrowAndGo) {
  const auto add = [](Generation& to, const std::string& name, unsigned workers) {
    to.options.pools.push_back({});
    to.options.pools.back().name = name;
    to.options.pools.back().workers = workers;
    to.identities[name] = ipc::resolve_identity(std::nullopt, std::nullopt);
  };
  add(generation, "old", 2);
  start([](const SpawnOrder& order) { Puppet(order).serve(); });
  ASSERT_TRUE(turn_until([&] { return status().pools[0].ready == 2 && status().pools[1].ready == 2; }));
  const auto next = successor();
  next->options.pools.pop_back();
  next->options.pools[0].workers = 5;
  add(*next, "new", 1);
  force->begin_rollout(next, std::nullopt);
  EXPECT_EQ(end(), "");
  EXPECT_TRUE(settled({{2, 6}}));
  ASSERT_EQ(status().pools.size(), 2U);
  EXPECT_EQ(status().pools[0].ready, 5U);
  EXPECT_EQ(status().pools[1].name, "new");
  EXPECT_FALSE(force->find_pool("old"));
}

TEST_F(RolloutTest, OnePoolAloneIsRolled) {
  generation.options.pools.push_back(generation.options.pools[0]);
  generation.options.pools[1].name = "other";
  generation.identities["other"] = ipc::resolve_identity(std::nullopt, std::nullopt);
  start([](const SpawnOrder& order) { Puppet(order).serve(); });
  ASSERT_TRUE(turn_until([&] { return status().pools[0].ready == 2 && status().pools[1].ready == 2; }));
  force->begin_rollout(successor(), "other");
  EXPECT_EQ(end(), "");
  EXPECT_TRUE(settled({{1, 2}, {2, 2}}));
  for (const auto& worker : status().workers) EXPECT_EQ(worker.generation, worker.pool == "other" ? 2U : 1U);
  const pid_t other = pids().begin()->second;
  ::kill(other, SIGKILL);
  EXPECT_TRUE(turn_until([&] { return status().pools[0].ready + status().pools[1].ready == 4; }));
  EXPECT_EQ(generations(), (std::map<unsigned, unsigned>{{1, 2}, {2, 2}})) << "each pool refills from its own";
}

TEST_F(RolloutTest, AWorkerOfTheOldThatDiesMeanwhileIsReplacedByTheOld) {
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    if (order.pool.generation->number == 1) puppet.serve();
    puppet.await_order();  // never ready
    ::_exit(ipc::kExitRetired);
  });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  force->begin_rollout(successor(), std::nullopt);
  ASSERT_TRUE(turn_until([&] { return generations()[2] == 1; }));
  ::kill(status().workers.front().pid, SIGKILL);
  EXPECT_TRUE(turn_until([&] { return restarts("killed") == 1 && ready() == 2; }));
  EXPECT_EQ(force->rollout_phase(), "canary") << "a kill is no failure of the generation's";
}

TEST_F(RolloutTest, WithoutRoomItIsRefusedAndNothingChanges) {
  start([](const SpawnOrder& order) { Puppet(order).serve(); });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  const auto next = successor();
  next->options.pools[0].workers = 1000;
  try {
    force->begin_rollout(next, std::nullopt);
    ADD_FAILURE() << "1000 workers are more than the scoreboard has slots";
  } catch (const StartupError& error) {
    EXPECT_THAT(error.what(), HasSubstr("max-workers"));
  }
  EXPECT_FALSE(force->rolling());
  EXPECT_EQ(generations(), (std::map<unsigned, unsigned>{{1, 2}}));
}

// Somebody kills the new workers as soon as they serve, which is not their fault: it ends the rollout all the same.
TEST_F(RolloutTest, WithoutProgressItGoesBack) {
  generation.options.master.shutdown_timeout = 1ms;
  pool().boot_timeout = 200ms;
  pool().workers = 6;  // too many to be there all at once
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    if (order.pool.generation->number == 1 || order.index == 0) puppet.serve();
    puppet.say(ipc::StatusKind::ready);
    ::raise(SIGKILL);
  });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  force->begin_rollout(successor(), std::nullopt);
  EXPECT_THAT(end(), HasSubstr("no further worker of it became ready within 10.2 s"));
  EXPECT_TRUE(settled({{1, 6}}));
}

TEST_F(RolloutTest, AStopDuringItEndsAll) {
  pool().workers = 3;
  start([](const SpawnOrder& order) { Puppet(order).serve(); });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  force->begin_rollout(successor(), std::nullopt);
  ASSERT_TRUE(turn_until([&] { return generations()[2] > 0; }));
  force->stop(WorkerEvent::finish_wanted);
  EXPECT_TRUE(turn_until([&] { return force->empty(); }));
}

}  // namespace
}  // namespace prefork::master
