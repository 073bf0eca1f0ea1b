#include "framework/master/workforce/worker_table.hpp"

#include <gtest/gtest.h>

#include <set>

namespace prefork::master {
namespace {

WorkerRecord& add(WorkerTable& table, pid_t pid, std::size_t pool, WorkerState state = WorkerState::ready) {
  auto record = std::make_unique<WorkerRecord>();
  record->pid = pid;
  record->pool = pool;
  record->state = state;
  record->slot = table.free_slot().value();
  record->index = table.free_index(pool);
  return table.add(std::move(record));
}

TEST(WorkerTable, FindsWhatWasAdded) {
  WorkerTable table(4);
  EXPECT_TRUE(table.empty());
  add(table, 100, 0);
  EXPECT_EQ(table.find(100)->pool, 0U);
  EXPECT_EQ(table.find(101), nullptr);
  table.remove(100);
  EXPECT_EQ(table.find(100), nullptr);
  EXPECT_TRUE(table.empty());
}

TEST(WorkerTable, SlotsAreTakenAndGivenBack) {
  WorkerTable table(3);
  EXPECT_EQ(add(table, 1, 0).slot, 0U);
  EXPECT_EQ(add(table, 2, 1).slot, 1U);
  EXPECT_EQ(add(table, 3, 0).slot, 2U);
  EXPECT_FALSE(table.free_slot());
  table.remove(2);
  EXPECT_FALSE(table.free_slot()) << "nobody has seen to what it left";
  table.free(1);
  EXPECT_EQ(table.free_slot(), 1U);
}

TEST(WorkerTable, AWorkerOnItsWayOutKeepsItsSlotButNotItsPlace) {
  WorkerTable table(8);
  add(table, 1, 0);
  auto& second = add(table, 2, 0);
  add(table, 3, 0);
  EXPECT_EQ(table.free_index(0), 3U);
  second.state = WorkerState::retiring;
  EXPECT_EQ(table.free_index(0), 1U);
  EXPECT_EQ(table.free_index(1), 0U) << "places are the pool's own";
  EXPECT_EQ(table.free_slot(), 3U);
}

TEST(WorkerTable, CountsByPoolAndState) {
  WorkerTable table(16);
  pid_t pid = 1;
  for (const auto state : {WorkerState::starting, WorkerState::ready, WorkerState::ready, WorkerState::retiring,
                           WorkerState::stopping, WorkerState::aborting, WorkerState::killing, WorkerState::lost}) {
    add(table, pid++, 0, state);
  }
  add(table, pid, 1, WorkerState::ready);
  EXPECT_EQ(table.count(0), 8U);
  EXPECT_EQ(table.count_filling(0), 3U);
  EXPECT_EQ(table.count_in(0, WorkerState::ready), 2U);
  EXPECT_EQ(table.count_in(1, WorkerState::ready), 1U);
  EXPECT_EQ(table.count(2), 0U);
}

TEST(WorkerTable, VisitsEachOnce) {
  WorkerTable table(4);
  for (const pid_t pid : {30, 10, 20}) add(table, pid, 0);
  std::multiset<pid_t> seen;
  const WorkerTable& constant = table;
  constant.for_each([&](const WorkerRecord& worker) { seen.insert(worker.pid); });
  EXPECT_EQ(seen, (std::multiset<pid_t>{10, 20, 30}));
}

TEST(WorkerTableDeathTest, ATakenSlotAndAnUnknownPidAreBugs) {
  WorkerTable table(2);
  add(table, 1, 0);
  auto clash = std::make_unique<WorkerRecord>();
  clash->pid = 2;
  EXPECT_DEATH(table.add(std::move(clash)), "PREFORK_CHECK");
  EXPECT_DEATH(table.remove(7), "PREFORK_CHECK");
}

}  // namespace
}  // namespace prefork::master
