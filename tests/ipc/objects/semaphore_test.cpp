#include "ipc/objects/semaphore.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/ipc/objects/parties.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::ipc {
namespace {

using test::Made;
using test::Parties;

struct SemaphoreTest : testing::Test {
  Parties parties;
  Made<Semaphore> made{{2}, parties};
  Semaphore semaphore = made.at(0);
  Semaphore other = made.at(1);
};

TEST_F(SemaphoreTest, GivesAsManyPermitsAsThereAre) {
  const auto first = semaphore.try_acquire();
  const auto second = other.try_acquire();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(semaphore.value(), 0U);
  EXPECT_FALSE(semaphore.try_acquire().has_value());
  other.release(*second);
  EXPECT_EQ(semaphore.value(), 1U);
  EXPECT_TRUE(semaphore.try_acquire().has_value());
}

TEST_F(SemaphoreTest, WaitsNoLongerThanItsDeadline) {
  semaphore.try_acquire();
  semaphore.try_acquire();
  auto sleeper = parties.sleeper(1);
  EXPECT_FALSE(other.acquire(sleeper, sleeper_clock_ns() + 3'000'000).has_value());
  EXPECT_EQ(semaphore.waiting().count(), 0U);
}

TEST_F(SemaphoreTest, RepairFreesWhatTheDeadHeldAndTellsTheNext) {
  other.try_acquire();
  other.try_acquire();
  EXPECT_EQ(semaphore.repair(owner_of(1)), 2U);
  const auto next = semaphore.try_acquire();
  ASSERT_TRUE(next.has_value());
  EXPECT_TRUE(next->owner_died);
  semaphore.release(*next);
  const auto again = semaphore.try_acquire();
  EXPECT_FALSE(again->owner_died) << "only the first after the death is told";
  EXPECT_EQ(semaphore.repair(owner_of(1)), 0U);
}

TEST_F(SemaphoreTest, EachHoldingHasATokenOfItsOwn) {
  const auto first = semaphore.try_acquire();
  const auto token = semaphore.holds().at(0).token;
  EXPECT_EQ(semaphore.holds().at(0).owner, owner_of(0));
  semaphore.release(*first);
  semaphore.try_acquire();
  EXPECT_NE(semaphore.holds().at(0).token, token);
}

TEST_F(SemaphoreTest, AbortsOnASecondRelease) {
  const auto permit = semaphore.try_acquire();
  semaphore.release(*permit);
  EXPECT_DEATH(semaphore.release(*permit), "PREFORK_CHECK");
}

TEST(SemaphoreShape, SaysWhatIsWrong) {
  EXPECT_EQ(test::thrown_by([] { Semaphore::check({0}); }), "permits is 0: take 1 to 65536");
  EXPECT_EQ(test::thrown_by([] { Semaphore::check({65537}); }), "permits is 65537: take 1 to 65536");
  EXPECT_EQ(test::thrown_by([] { Semaphore::check({65536}); }), "");
}

TEST(SemaphoreKillTest, NoPermitLeaksAndNoneIsGivenTwice) {
  Parties parties;
  Made<Semaphore> made({1}, parties);
  const SharedMemory memory = SharedMemory::create("inside", 64);
  auto& inside = *static_cast<std::atomic<int>*>(memory.data());
  Semaphore semaphore = made.at(0);
  auto sleeper = parties.sleeper(0);
  for (int round = 0; round < 200; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      Semaphore mine = made.at(1);
      auto own = parties.sleeper(1);
      for (;;) {
        const auto permit = mine.acquire(own, kNoDeadline);
        if (inside.exchange(1) == 2) ::_exit(1);  // another is inside: never
        inside.store(0);
        mine.release(*permit);
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200 + 13 * (round % 40)));
    ::kill(child, SIGKILL);
    ASSERT_EQ(test::reap(child), SIGKILL);
    semaphore.waiting().retract(1);
    semaphore.repair(owner_of(1));
    parties.ring_all();
    const auto permit = semaphore.acquire(sleeper, sleeper_clock_ns() + 5'000'000'000);
    ASSERT_TRUE(permit.has_value());
    const bool died_inside = inside.exchange(2) == 1;
    ASSERT_TRUE(!died_inside || permit->owner_died);
    inside.store(0);
    semaphore.release(*permit);
  }
}

TEST(SemaphoreThreads, NeverMoreInsideThanPermits) {
  for (const std::uint32_t permits : {1U, 3U}) {
    Parties parties;
    Made<Semaphore> made({permits}, parties);
    std::atomic<std::uint32_t> inside{0}, most{0};
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        Semaphore semaphore = made.at(t);
        auto sleeper = parties.sleeper(t);
        for (int i = 0; i < 2000; ++i) {
          const auto permit = semaphore.acquire(sleeper, kNoDeadline);
          const std::uint32_t now = ++inside;
          if (now > most) most = now;
          if (i % 50 == 0) std::this_thread::yield();
          --inside;
          semaphore.release(*permit);
        }
      });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_LE(most, permits);
    EXPECT_EQ(made.at(9).value(), permits);
    EXPECT_EQ(made.at(9).waiting().count(), 0U);
  }
}

TEST(SemaphoreThreads, AMutexGuardsPlainMemory) {
  Parties parties;
  Made<Semaphore> made({1}, parties);
  std::uint64_t guarded = 0;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Semaphore mutex = made.at(t);
      auto sleeper = parties.sleeper(t);
      for (int i = 0; i < 2000; ++i) {
        const auto permit = mutex.acquire(sleeper, kNoDeadline);
        ++guarded;
        mutex.release(*permit);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(guarded, 8000U);
}

}  // namespace
}  // namespace prefork::ipc
