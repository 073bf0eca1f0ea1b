#include "framework/master/workforce/crew.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/framework/master/workforce/crew_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_crew;

TEST_F(CrewTest, NamesAWorkerByItsPoolAndPlace) {
  serve("main", 1);
  const std::size_t pool = serve("api", 2);
  add(pool);
  const WorkerRecord& worker = add(pool);
  EXPECT_EQ(crew.short_name(worker), "api/1");
  EXPECT_EQ(crew.name(worker), "worker api/1 (pid 1001)");
  EXPECT_EQ(crew.about(worker).pool, "api");
  EXPECT_EQ(crew.ready(pool), 2U);
}

TEST_F(CrewTest, TellsWhatAWorkerServes) {
  const WorkerRecord& worker = add(serve("main", 1));
  EXPECT_EQ(crew.serving(worker).activity, "");
  EXPECT_EQ(crew.serving_text(worker), "");
  serves(worker, std::string(ipc::kActivityAddress, '\0') + "GET /x\n");
  EXPECT_THAT(crew.serving_text(worker), testing::StartsWith("; it is serving "));
  EXPECT_THAT(crew.serving_text(worker), testing::HasSubstr("GET /x\\x0a")) << "no bytes that a log line may not have";
}

TEST_F(CrewTest, AGenerationCountsWhileItHasAPool) {
  serve("main", 1);
  const auto next = make_generation(2);
  add_pool(*next, "main", 1);
  EXPECT_EQ(crew.generations().size(), 1U);
  const std::size_t pool = crew.pools.add(next, 0, PoolRole::incoming);
  EXPECT_EQ(crew.generations(), (std::vector<const Generation*>{generation.get(), next.get()}));
  crew.pools.remove_if([&](std::size_t id, const Pool&) { return id == pool; });
  EXPECT_EQ(crew.generations().size(), 1U);
}

TEST_F(CrewTest, APoolThatLeavesIsForgottenWithItsLastWorker) {
  const std::size_t pool = serve("main", 1);
  const WorkerRecord& worker = add(pool);
  crew.pools.at(pool).role = PoolRole::leaving;
  crew.forget_empty_pools();
  EXPECT_NE(crew.pools.begin(), crew.pools.end());
  crew.workers.remove(worker.pid);
  crew.forget_empty_pools();
  EXPECT_EQ(crew.pools.begin(), crew.pools.end());
}

TEST_F(CrewTest, WhatGenerationsHaveInCommonIsThereOnce) {
  generation->shared.objects = {{"gate", {ipc::SharedKind::semaphore, 2, 0, 0, 0, {}}, {}, ""}};
  generation->objects = SharedSet::make(generation->shared.objects, kSlots);
  const auto next = make_generation(2);
  next->objects = SharedSet::make(generation->shared.objects, kSlots, &generation->objects);
  add_pool(*next, "main", 1);
  crew.pools.add(next, 0, PoolRole::incoming);
  EXPECT_EQ(crew.objects().size(), 1U);
}

TEST_F(CrewTest, FindsWhoHasASlot) {
  const WorkerRecord& worker = add(serve("main", 1));
  EXPECT_EQ(crew.holder(ipc::owner_of(worker.slot)), &worker);
  EXPECT_EQ(crew.holder(ipc::owner_of(worker.slot + 1)), nullptr);
  EXPECT_EQ(crew.holder(ipc::kMasterOwner), nullptr);
}

}  // namespace
}  // namespace prefork::master
