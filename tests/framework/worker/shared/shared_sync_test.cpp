#include "framework/worker/shared/shared_sync.hpp"

#include <gmock/gmock.h>

#include "tests/framework/worker/shared/sharing.hpp"

namespace prefork::worker {
namespace {

using namespace test;

ipc::SharedShape shape(ipc::SharedKind kind, std::uint32_t capacity) {
  ipc::SharedShape shape;
  shape.kind = kind;
  shape.capacity = capacity;
  return shape;
}

struct SharedSyncTest : Sharing {
  Context& of(SharingWorker& worker) { return worker.host; }
};

TEST_F(SharedSyncTest, AMutexGoesFromHandToHand) {
  make("door", shape(ipc::SharedKind::mutex, 0));
  auto lock = of(a).mutex("door").lock_nowait();
  ASSERT_TRUE(lock.has_value());
  EXPECT_TRUE(of(b).mutex("door").locked());
  bool inside = false, owner_died = true;
  const auto enter = [&]() -> Task<void> {
    const auto own = co_await of(b).mutex("door").lock();
    inside = own.has_value();
    owner_died = own->owner_died();
  };
  b.run(enter());
  turn_some();
  EXPECT_FALSE(inside);
  lock->release();
  EXPECT_TRUE(turn_until([&] { return b.idle(); }));
  EXPECT_TRUE(inside);
  EXPECT_FALSE(owner_died);
  EXPECT_FALSE(of(a).mutex("door").locked()) << "the lock ended with its object";
}

TEST_F(SharedSyncTest, TheDeathOfAHolderIsToldToTheNext) {
  ipc::SharedObject& object = make("door", shape(ipc::SharedKind::mutex, 0));
  ipc::Semaphore dead(object.memory(), {1}, object.slots(), parties.party(5));
  dead.try_acquire();
  bool owner_died = false;
  const auto enter = [&]() -> Task<void> {
    const auto lock = co_await of(a).mutex("door").lock();
    owner_died = lock->owner_died();
  };
  a.run(enter());
  turn_some();
  EXPECT_EQ(object.repair(5), 1U);
  object.wake_all(parties.bells());
  EXPECT_TRUE(turn_until([&] { return a.idle(); }));
  EXPECT_TRUE(owner_died);
}

TEST_F(SharedSyncTest, ASemaphoreCountsAndTimesOut) {
  make("gate", shape(ipc::SharedKind::semaphore, 2));
  Semaphore& gate = of(a).semaphore("gate");
  EXPECT_EQ(gate.permits(), 2U);
  auto first = gate.acquire_nowait();
  auto second = of(b).semaphore("gate").acquire_nowait();
  EXPECT_EQ(gate.value(), 0U);
  bool timed_out = false;
  const auto wait = [&]() -> Task<void> {
    timed_out = (co_await of(b).semaphore("gate").acquire(5ms)).reason() == Reason::timed_out;
  };
  b.run(wait());
  EXPECT_TRUE(turn_until([&] { return b.idle(); }));
  EXPECT_TRUE(timed_out);
  *first = std::move(*second);
  EXPECT_EQ(gate.value(), 1U) << "what was replaced is released";
}

TEST_F(SharedSyncTest, AnEventWakesEveryCoroutineOfEveryWorker) {
  make("go", shape(ipc::SharedKind::event, 0));
  int gone = 0;
  const auto wait = [&](SharingWorker& worker) -> Task<void> {
    gone += co_await of(worker).event("go").wait() ? 1 : 100;
  };
  for (auto* worker : {&a, &a, &b, &b}) worker->run(wait(*worker));
  turn_some();
  EXPECT_EQ(gone, 0);
  EXPECT_TRUE(of(a).event("go").set());
  EXPECT_TRUE(of(b).event("go").clear());
  EXPECT_TRUE(turn_until([&] { return a.idle() && b.idle(); }));
  EXPECT_EQ(gone, 4);
  bool late = true;
  const auto wait_in_vain = [&]() -> Task<void> { late = (co_await of(a).event("go").wait(5ms)).has_value(); };
  a.run(wait_in_vain());
  EXPECT_TRUE(turn_until([&] { return a.idle(); }));
  EXPECT_FALSE(late);
}

TEST_F(SharedSyncTest, ABarrierLetsAllPassTogetherAgainAndAgain) {
  make("line", shape(ipc::SharedKind::barrier, 3));
  int passed = 0;
  const auto run = [&](SharingWorker& worker) -> Task<void> {
    for (int round = 0; round < 3; ++round) passed += co_await of(worker).barrier("line").wait() ? 1 : 100;
  };
  a.run(run(a));
  b.run(run(b));
  turn_some();
  EXPECT_EQ(passed, 0);
  EXPECT_EQ(of(a).barrier("line").arrived(), 2U);
  b.run(run(b));
  EXPECT_TRUE(turn_until([&] { return a.idle() && b.idle(); }));
  EXPECT_EQ(passed, 9);
}

TEST_F(SharedSyncTest, GivingUpABarrierTakesTheArrivalBack) {
  make("line", shape(ipc::SharedKind::barrier, 2));
  bool passed = true;
  const auto wait = [&](std::chrono::milliseconds limit) -> Task<void> {
    passed = (co_await of(a).barrier("line").wait(limit)).has_value();
  };
  a.run(wait(5ms));
  EXPECT_TRUE(turn_until([&] { return a.idle(); }));
  EXPECT_FALSE(passed);
  EXPECT_EQ(of(a).barrier("line").arrived(), 0U);
  a.run(wait(kForever));
  turn_some();
  a.runtime.drain = DrainMode::patient;
  a.waits.on_drain();
  EXPECT_TRUE(turn_until([&] { return a.idle(); }));
  EXPECT_FALSE(passed);
}

TEST_F(SharedSyncTest, NumbersAddUpOverTheWorkers) {
  make("hits", shape(ipc::SharedKind::counter, 0));
  make("open", shape(ipc::SharedKind::gauge, 0));
  make("took", shape(ipc::SharedKind::histogram, 0));
  of(a).counter("hits").add(2);
  of(b).counter("hits").add(3);
  EXPECT_EQ(of(a).counter("hits").value(), 5U);
  of(a).gauge("open").set(7);
  of(b).gauge("open").sub(2);
  EXPECT_EQ(of(b).gauge("open").value(), 5);
  EXPECT_EQ(objects[1]->repair(0), 0U) << "nobody held it";
  EXPECT_EQ(of(b).gauge("open").value(), -2) << "a dead worker's share is dropped";
  of(a).histogram("took").record(100);
  of(b).histogram("took").record(300);
  EXPECT_EQ(of(a).histogram("took").count(), 2U);
  EXPECT_EQ(of(a).histogram("took").sum(), 400U);
  EXPECT_GE(of(a).histogram("took").quantile(1), 300U);
}

TEST_F(SharedSyncTest, ATableIsOneForAll) {
  ipc::SharedShape table = shape(ipc::SharedKind::table, 8);
  table.key_bytes = 16;
  table.columns = {{"hits", ipc::ColumnType::integer, 0}, {"who", ipc::ColumnType::text, 8}};
  make("people", table);
  Table& people = of(a).table("people");
  Table& same = of(b).table("people");
  const std::size_t hits = people.column("hits");
  EXPECT_EQ(people.insert("ann", {std::int64_t{1}, "x"}), TableStatus::done);
  EXPECT_EQ(same.insert("ann", {std::int64_t{2}, "y"}), TableStatus::exists);
  EXPECT_EQ(same.increment("ann", hits, 4).value, 5);
  const auto row = people.get("ann");
  ASSERT_TRUE(row.has_value());
  EXPECT_EQ(row->integer(hits), 5);
  EXPECT_EQ(row->text(1), "x");
  EXPECT_EQ(same.compare_and_set("ann", *row, {std::int64_t{6}, "z"}), TableStatus::done);
  EXPECT_EQ(people.compare_and_set("ann", *row, {std::int64_t{7}, "z"}), TableStatus::changed);
  EXPECT_EQ(people.erase_if("ann", *row), TableStatus::changed);
  EXPECT_EQ(people.set("bob", {std::int64_t{0}, "b"}, 0ms), TableStatus::done);
  std::vector<std::string> swept;
  EXPECT_EQ(same.sweep([&](std::string_view key, const Row&) { swept.emplace_back(key); }), 1U);
  EXPECT_THAT(swept, testing::ElementsAre("bob"));
  EXPECT_EQ(people.size(), 1U);
  EXPECT_EQ(people.erase("ann"), TableStatus::done);
  EXPECT_EQ(people.get("ann").reason(), TableStatus::absent);
  EXPECT_THROW(people.column("nothing"), std::invalid_argument);
  EXPECT_THROW((void)people.set("cat", {std::int64_t{0}, "longer than 8"}), std::invalid_argument);
}

}  // namespace
}  // namespace prefork::worker
