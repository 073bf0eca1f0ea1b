#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "framework/master/control/survey_job.hpp"
#include "framework/master/workforce/workforce.hpp"
#include "ipc/objects/message_queue.hpp"
#include "ipc/objects/semaphore.hpp"
#include "tests/framework/master/workforce/workforce_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_workforce;
using testing::HasSubstr;

class WorkforceSharedTest : public WorkforceTest {
 protected:
  WorkforceSharedTest() {
    generation.shared.objects = {{"web.jobs", {ipc::SharedKind::queue, 8, 64, 0, 0, {}}, {}, ""},
                                 {"web.gate", {ipc::SharedKind::semaphore, 2, 0, 0, 0, {}}, {}, ""}};
  }

  /// Worker 0 takes a permit, puts a message and takes it; the others only serve.
  void start_with_a_holder() {
    start([](const SpawnOrder& order) {
      const ipc::Bells bells;
      Puppet puppet(order);
      if (order.index == 0) {
        const ipc::Party self{ipc::owner_of(order.slot), &bells};
        const std::size_t slots = order.pool.generation->objects.objects()[0]->slots();
        ipc::MessageQueue jobs(order.pool.generation->objects.objects()[0]->memory(), {8, 64, 0}, slots, self);
        ipc::Semaphore gate(order.pool.generation->objects.objects()[1]->memory(), {2}, slots, self);
        if (jobs.empty()) jobs.try_put(std::as_bytes(std::span("x", 1)));
        jobs.try_get();
        gate.try_acquire();
        if (const auto* notes = order.pool.generation->objects.objects()[0]->notes()) {
          notes->write(0, {ipc::ActivityKind::request, 0, ipc::monotonic_ns(),
                           std::string(ipc::kActivityAddress, '\0') + "GET /x\n"});
        }
      }
      puppet.serve();
    });
  }

  std::vector<SharedStatus> report() {
    std::vector<SharedStatus> all;
    SurveyJob job(force->shared_care().objects_to_report(),
                  [this](const auto& object, const auto& seen) { return force->shared_care().describe(object, seen); },
                  {[&](std::vector<SharedStatus> found) { all = std::move(found); }, [](std::string_view) {}});
    while (job.step()) {
    }
    return all;
  }
};

TEST_F(WorkforceSharedTest, WhatADeadWorkerHeldIsFreedBeforeItsSlotIsUsedAgain) {
  start_with_a_holder();
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  const pid_t first = pids().at(0);
  ::kill(first, SIGKILL);
  ASSERT_TRUE(turn_until([&] { return all_ready() && pids().at(0) != first; }));
  EXPECT_THAT(lines(), HasSubstr("worker main/0 (pid " + std::to_string(first) +
                                 ") left 1 message of queue web.jobs and 1 permit of semaphore web.gate: freed"));
  const auto objects = report();
  EXPECT_EQ(objects.at(0).repairs, 1U);
  EXPECT_EQ(objects.at(1).repairs, 1U);
  EXPECT_EQ(objects.at(1).fill, 1U) << "the successor has one again, and nobody else";
}

TEST_F(WorkforceSharedTest, TellsWhoHoldsWhat) {
  start_with_a_holder();
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  const auto objects = report();
  ASSERT_EQ(objects.size(), 2U);
  EXPECT_EQ(objects[1].name, "web.gate");
  EXPECT_EQ(objects[1].kind, "semaphore");
  EXPECT_EQ(objects[1].shape, "2 permits");
  EXPECT_EQ(objects[1].limit, 2U);
  EXPECT_EQ(objects[1].waiters, 0U);
  ASSERT_EQ(objects[1].holders.size(), 1U);
  EXPECT_EQ(objects[1].holders[0].worker, "main/0");
  EXPECT_EQ(objects[1].holders[0].count, 1U);
}

TEST_F(WorkforceSharedTest, WhatIsHeldTooLongIsLoggedOnce) {
  generation.shared.objects[0].hold_limit = 250ms;
  start_with_a_holder();
  ASSERT_TRUE(turn_until([&] { return lines().find("is held for") != std::string::npos; }));
  const auto later = Clock::now() + 700ms;
  turn_until([&] { return Clock::now() > later; });
  const std::string text = lines();
  EXPECT_THAT(text, testing::ContainsRegex("warning queue web.jobs: a message is held for [0-9]+ ms by worker main/0 "
                                           "\\(pid [0-9]+\\), taken for .*GET /x.x0a"));
  EXPECT_EQ(text.find("is held for"), text.rfind("is held for"));
}

}  // namespace
}  // namespace prefork::master
