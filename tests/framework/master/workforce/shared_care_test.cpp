#include "framework/master/workforce/shared_care.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ipc/objects/message_queue.hpp"
#include "ipc/objects/semaphore.hpp"
#include "tests/framework/master/workforce/crew_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_crew;
using ipc::SharedKind;
using testing::HasSubstr;

class SharedCareTest : public CrewTest {
 protected:
  SharedCareTest() {
    generation->shared.objects = {{"web.jobs", {SharedKind::queue, 8, 64, 0, 0, {}}, {}, ""},
                                  {"web.gate", {SharedKind::semaphore, 4, 0, 0, 0, {}}, 200ms, ""}};
    generation->objects = SharedSet::make(generation->shared.objects, kSlots);
    pool = serve("main", 2);
  }
  ipc::Semaphore gate(const WorkerRecord& worker) {
    return {generation->objects.find("web.gate")->memory(), {4}, kSlots, {ipc::owner_of(worker.slot), &bells}};
  }
  /// The worker has been reaped.
  void die(const WorkerRecord& worker) {
    care->died(worker);
    crew.scoreboard.clear(worker.slot);
    crew.workers.remove(worker.pid);
  }
  void make() { care = std::make_unique<SharedCare>(crew, bells, log); }

  std::size_t pool = 0;
  ipc::Bells bells;
  std::unique_ptr<SharedCare> care;
};

TEST_F(SharedCareTest, ASlotIsFreeOnceWhatTheDeadHeldIsFreed) {
  make();
  WorkerRecord& worker = add(pool);
  ASSERT_TRUE(gate(worker).try_acquire());
  EXPECT_NE(care->next_deadline(now), now);
  die(worker);
  EXPECT_EQ(crew.workers.free_slot(), 1U) << "nobody has seen to what the first held";
  EXPECT_EQ(care->next_deadline(now), now);
  care->finish_repairs();
  EXPECT_EQ(crew.workers.free_slot(), 0U);
  EXPECT_THAT(lines(), HasSubstr("worker main/0 (pid 1000) left 1 permit of semaphore web.gate: freed"));
  EXPECT_FALSE(care->next_deadline(now)) << "no worker is left that could hold anything";
}

TEST_F(SharedCareTest, WarnsOnceOfWhatIsHeldTooLong) {
  make();
  WorkerRecord& worker = add(pool);
  ASSERT_TRUE(gate(worker).try_acquire());
  for (unsigned i = 0; i < 10; ++i, now += 100ms) care->watch_holds(now);
  const std::string warning = "warning semaphore web.gate: a permit is held for ";
  EXPECT_THAT(lines(), HasSubstr(warning));
  EXPECT_THAT(lines(), HasSubstr(" by worker main/0 (pid 1000)"));
  EXPECT_EQ(lines().find(warning), lines().rfind(warning));
}

TEST_F(SharedCareTest, TheLimitsAreThoseOfTheGenerationThatServes) {
  make();
  add(pool);
  ASSERT_TRUE(care->next_deadline(now));
  crew.current = make_generation(2);
  care->generation_changed();
  EXPECT_FALSE(care->next_deadline(now)) << "it has no objects";
}

TEST_F(SharedCareTest, ReportsWhatServicesDeclareAndWhoHoldsIt) {
  generation->shared.services.push_back({});
  generation->shared.services[0].responses = 0;  // as if the queue were the framework's own
  make();
  WorkerRecord& worker = add(pool);
  ASSERT_TRUE(gate(worker).try_acquire() && gate(worker).try_acquire());
  const auto objects = care->objects_to_report();
  ASSERT_EQ(objects.size(), 1U);
  const SharedStatus status = care->describe(*objects[0], objects[0]->report());
  EXPECT_EQ(status.name, "web.gate");
  ASSERT_EQ(status.holders.size(), 1U);
  EXPECT_EQ(status.holders[0].worker, "main/0");
  EXPECT_EQ(status.holders[0].count, 2U);
}

}  // namespace
}  // namespace prefork::master
