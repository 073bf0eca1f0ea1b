#include "framework/master/workforce/rollout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/master/loop/startup_error.hpp"
#include "tests/framework/master/workforce/crew_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_crew;
using testing::HasSubstr;
using Step = Rollout::Step;
using Phase = Rollout::Phase;

/// Four old workers in the pool "main".
class RolloutStepsTest : public CrewTest {
 protected:
  RolloutStepsTest() : old_pool(serve("main", 4)) {
    add_many(old_pool, 4);
    next->options = generation->options;
    next->identities = generation->identities;
  }
  void begin(const std::optional<std::string>& only = std::nullopt) {
    rollout = std::make_unique<Rollout>(crew, log, next, only, now);
    new_pool = crew.pools.find("main").value();
  }
  /// Begins, and has a canary.
  WorkerRecord& begin_with_canary() {
    begin();
    rollout->advance(now);
    return add(new_pool);
  }
  /// A worker of the new side dies over a client.
  void die_over_a_client() {
    WorkerRecord& worker = add(new_pool);
    worker.ready = now;
    serves(worker, "GET /");
    rollout->judge(worker, Departure::crashed, "it crashed", now);
    crew.workers.remove(worker.pid);
    crew.workers.free(worker.slot);
    crew.scoreboard.clear(worker.slot);
  }
  unsigned target(std::size_t pool) { return crew.pools.at(pool).target; }
  PoolRole role(std::size_t pool) { return crew.pools.at(pool).role; }

  std::shared_ptr<Generation> next = make_generation(2);
  std::size_t old_pool;
  std::size_t new_pool = 0;
  std::unique_ptr<Rollout> rollout;
};

TEST_F(RolloutStepsTest, TheOldSideStaysWholeUntilTheCanaryIsReady) {
  begin();
  crew.pools.at(old_pool).target = 4;
  EXPECT_EQ(rollout->advance(now), Step::under_way);
  EXPECT_EQ(rollout->phase_name(), "canary");
  EXPECT_EQ(target(new_pool), 1U);
  EXPECT_EQ(target(old_pool), 4U);
  WorkerRecord& canary = add(new_pool, WorkerState::starting);
  rollout->advance(now);
  EXPECT_EQ(rollout->phase(), Phase::canary);
  canary.state = WorkerState::ready;
  rollout->advance(now);
  EXPECT_EQ(rollout->phase_name(), "rolling");
  EXPECT_EQ(target(new_pool), 2U);
  EXPECT_EQ(target(old_pool), 3U) << "one for each that is ready";
}

TEST_F(RolloutStepsTest, IsOverWhenAllNewWorkersAreReady) {
  begin_with_canary();
  add_many(new_pool, 2);
  EXPECT_EQ(rollout->advance(now), Step::under_way);
  EXPECT_EQ(crew.current, generation);
  add(new_pool);
  EXPECT_EQ(rollout->advance(now), Step::taken);
  EXPECT_EQ(crew.current, next);
  EXPECT_EQ(role(new_pool), PoolRole::serving);
  EXPECT_EQ(role(old_pool), PoolRole::leaving);
  EXPECT_EQ(target(old_pool), 0U);
  EXPECT_FALSE(rollout->take_failure());
}

TEST_F(RolloutStepsTest, PoolsComeAndGoWithTheirGeneration) {
  next->options.pools.clear();
  add_pool(*next, "other", 1);
  rollout = std::make_unique<Rollout>(crew, log, next, std::nullopt, now);
  const std::size_t other = crew.pools.find("other").value();
  EXPECT_FALSE(crew.pools.find("main")) << "it has no successor";
  EXPECT_EQ(role(old_pool), PoolRole::outgoing);
  add(other);
  EXPECT_EQ(rollout->advance(now), Step::taken);
  EXPECT_EQ(role(old_pool), PoolRole::leaving);
}

TEST_F(RolloutStepsTest, OnePoolAloneLeavesTheOthersAsTheyAre) {
  const std::size_t other = serve("other", 1);
  add_pool(*next, "other", 1);
  begin("main");
  EXPECT_EQ(role(other), PoolRole::serving);
  EXPECT_EQ(crew.pools.find("other"), other);
  EXPECT_EQ(role(old_pool), PoolRole::outgoing);
}

TEST_F(RolloutStepsTest, AFailureBringsTheOldSideBackBeforeTheNewOneGoes) {
  WorkerRecord& canary = begin_with_canary();
  crew.workers.for_each([&](WorkerRecord& worker) {
    if (worker.pid == 1000) worker.state = WorkerState::retiring;
  });
  rollout->advance(now);
  rollout->judge(canary, Departure::heartbeat_lost, "", now);
  EXPECT_EQ(rollout->phase_name(), "rolling back");
  EXPECT_EQ(rollout->take_failure(), "worker main/0 (pid 1004): heartbeat-lost");
  EXPECT_FALSE(rollout->take_failure()) << "told once";
  EXPECT_EQ(crew.pools.find("main"), old_pool);
  EXPECT_EQ(rollout->advance(now), Step::under_way);
  EXPECT_EQ(target(new_pool), 1U) << "it serves in the place of the old worker that went";
  add(old_pool);
  EXPECT_EQ(rollout->advance(now), Step::dropped);
  EXPECT_EQ(role(old_pool), PoolRole::serving);
  EXPECT_EQ(role(new_pool), PoolRole::leaving);
  EXPECT_EQ(crew.current, generation);
  EXPECT_THAT(lines(), HasSubstr("generation 2 is rolled back: worker main/0 (pid 1004): heartbeat-lost"));
}

TEST_F(RolloutStepsTest, TheNewSideGoesWhenTheOldOneDoesNotComeBack) {
  const WorkerRecord& canary = begin_with_canary();
  crew.pools.at(old_pool).goal = 5;
  rollout->judge(canary, Departure::cannot_start, "no database", now);
  EXPECT_EQ(rollout->advance(now), Step::under_way);
  now = rollout->patience();
  EXPECT_EQ(rollout->advance(now), Step::dropped);
}

TEST_F(RolloutStepsTest, WithoutProgressItFails) {
  begin();
  rollout->advance(now);
  const TimePoint first = rollout->patience();
  now += 1s;
  add(new_pool);
  rollout->advance(now);
  EXPECT_EQ(rollout->patience(), first + 1s) << "a worker got ready";
  now = rollout->patience();
  rollout->advance(now);
  EXPECT_THAT(rollout->take_failure().value_or(""), HasSubstr("no further worker of it became ready within "));
}

TEST_F(RolloutStepsTest, SomeDeathsAreNoFailureOfTheGeneration) {
  const WorkerRecord& canary = begin_with_canary();
  rollout->judge(canary, Departure::killed, "killed", now);
  rollout->judge(canary, Departure::drained, "drained", now);
  crew.workers.for_each([&](const WorkerRecord& worker) {
    if (worker.pool == old_pool) rollout->judge(worker, Departure::crashed, "crashed", now);
  });
  EXPECT_FALSE(rollout->take_failure());
}

TEST_F(RolloutStepsTest, ManyDeathsOverClientsFailAGenerationThatNeverAnswers) {
  begin();
  for (unsigned i = 0; i < 9; ++i) die_over_a_client();
  EXPECT_FALSE(rollout->take_failure());
  die_over_a_client();
  EXPECT_THAT(rollout->take_failure().value_or(""), HasSubstr("10 workers of it died while serving a client"));
}

TEST_F(RolloutStepsTest, OneThatAnswersMayDieOverClients) {
  const WorkerRecord& canary = begin_with_canary();
  crew.slot(canary).add(ipc::Counter::bytes_out, 5);
  for (unsigned i = 0; i < 20; ++i) die_over_a_client();
  EXPECT_FALSE(rollout->take_failure());
}

TEST_F(RolloutStepsTest, WithoutRoomNothingChanges) {
  next->options.pools[0].workers = kSlots;
  EXPECT_THROW(begin(), StartupError);
  EXPECT_EQ(role(old_pool), PoolRole::serving);
  EXPECT_EQ(crew.generations().size(), 1U);
}

}  // namespace
}  // namespace prefork::master
