#include "framework/master/workforce/recycling.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/framework/master/workforce/crew_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_crew;
using testing::HasSubstr;

class RecyclingTest : public CrewTest {
 protected:
  Recycling recycling{crew, log};
};

TEST_F(RecyclingTest, TheSuccessorComesFirst) {
  const std::size_t pool = serve("main", 1);
  WorkerRecord& worker = add(pool);
  EXPECT_EQ(recycling.successors(pool), 0U);
  EXPECT_TRUE(recycling.ask(worker, "max-requests (1000)", now));
  EXPECT_EQ(recycling.successors(pool), 1U);
  EXPECT_TRUE(recycling.replaced(pool).empty());
  WorkerRecord& successor = add(pool, WorkerState::starting);
  EXPECT_TRUE(recycling.replaced(pool).empty());
  successor.state = WorkerState::ready;
  EXPECT_EQ(recycling.replaced(pool), std::vector<WorkerRecord*>{&worker});
  EXPECT_EQ(crew.totals.recycled["max-requests"], 1U);
  EXPECT_THAT(lines(), HasSubstr("worker main/0 (pid 1000) is to be replaced: max-requests (1000)"));
}

TEST_F(RecyclingTest, AQuarterOfThePoolAtOnce) {
  const std::size_t pool = serve("main", 8);
  add_many(pool, 8);
  crew.workers.for_each([&](WorkerRecord& worker) { recycling.ask(worker, "max-lifetime", now); });
  EXPECT_EQ(recycling.successors(pool), 2U);
  add_many(pool, 2);
  EXPECT_EQ(recycling.replaced(pool).size(), 2U);
  crew.pools.at(pool).goal = 0;
  EXPECT_EQ(recycling.successors(pool), 0U);
}

TEST_F(RecyclingTest, APoolThatIsRolledReplacesNobody) {
  const std::size_t pool = serve("main", 1);
  recycling.ask(add(pool), "max-requests", now);
  add(pool);
  crew.pools.at(pool).role = PoolRole::outgoing;
  EXPECT_TRUE(recycling.replaced(pool).empty());
}

TEST_F(RecyclingTest, ALimitThatIsNoneIsRefused) {
  WorkerRecord& worker = add(serve("main", 1));
  EXPECT_FALSE(recycling.ask(worker, "max-fun", now));
  EXPECT_TRUE(crew.totals.recycled.empty());
  worker.state = WorkerState::retiring;
  EXPECT_TRUE(recycling.ask(worker, "max-requests", now)) << "it goes anyway";
  EXPECT_TRUE(worker.recycle_wanted.empty());
}

TEST_F(RecyclingTest, WorkersThatAskTooOftenWaitForTheirTurn) {
  const std::size_t pool = serve("main", 1);
  unsigned asked = 0;
  for (; !recycling.next_turn(now) && asked < 100; ++asked) {
    WorkerRecord& worker = add(pool);
    recycling.ask(worker, "max-requests", now);
    if (!worker.recycle.empty()) {
      crew.workers.remove(worker.pid);
      crew.workers.free(worker.slot);
      crew.scoreboard.clear(worker.slot);
    }
  }
  EXPECT_EQ(asked, 11U) << "ten at once are allowed";
  EXPECT_THAT(lines(), HasSubstr("pool main: its workers ask too often to be replaced (max-requests)"));
  EXPECT_GT(*recycling.next_turn(now), now);
  now = *recycling.next_turn(now);
  recycling.begin_due(now);
  EXPECT_EQ(crew.workers.count_due(pool), 1U);
  EXPECT_FALSE(recycling.next_turn(now));
}

TEST_F(RecyclingTest, FindsWorkersWithTooMuchMemory) {
  const std::size_t pool = serve("main", 1);
  WorkerRecord& worker = add(pool);
  EXPECT_TRUE(recycling.bloated(now).empty());
  EXPECT_FALSE(recycling.next_rss_check()) << "no pool has a limit";
  worker.pid = ::getpid();
  crew.pools.at(pool).max_rss_hard = 1;
  EXPECT_EQ(recycling.bloated(now), std::vector<WorkerRecord*>{&worker});
  EXPECT_EQ(recycling.next_rss_check(), now + 1s);
  EXPECT_TRUE(recycling.bloated(now).empty()) << "it is looked once a second";
  EXPECT_EQ(crew.totals.recycled["max-rss-hard"], 1U);
  EXPECT_THAT(lines(), HasSubstr("more than max-rss-hard: it is killed"));
  crew.pools.at(pool).max_rss_hard = UINT64_MAX;
  EXPECT_TRUE(recycling.bloated(now + 1s).empty());
  EXPECT_EQ(crew.totals.recycled["max-rss-hard"], 1U);
}

}  // namespace
}  // namespace prefork::master
