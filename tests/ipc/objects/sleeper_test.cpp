#include "ipc/objects/sleeper.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <thread>

#include "tests/ipc/objects/parties.hpp"

namespace prefork::ipc {
namespace {

struct SleeperTest : testing::Test {
  test::Parties parties{2};
  alignas(64) std::array<std::byte, 64> memory{};
  WaitingSet set{memory.data(), 2};
  BellSleeper sleeper = parties.sleeper(0);
};

TEST_F(SleeperTest, EachRingEndsOneSleep) {
  parties.bells().ring(0);
  EXPECT_TRUE(sleeper.sleep(kNoDeadline));
  parties.bells().ring(0);
  EXPECT_TRUE(sleeper.sleep(kNoDeadline));
}

TEST_F(SleeperTest, TriesOnceMoreAfterAnnouncing) {
  int tries = 0;
  const unsigned spins = sleeper.spin.tries();
  const auto end = wait_for(set, parties.party(0), sleeper, kNoDeadline, [&] {
    ++tries;
    return set.announced(0);
  });
  EXPECT_EQ(end, WaitEnd::done);
  EXPECT_EQ(tries, static_cast<int>(spins) + 2);
  EXPECT_FALSE(set.any());
}

// Whoever was chosen and does not need it passes the wake-up on.
TEST_F(SleeperTest, PassesOnAWakeUpThatItHasNoUseFor) {
  set.announce(1);
  auto other = parties.sleeper(1);
  const auto end = wait_for(set, parties.party(0), sleeper, sleeper_clock_ns() + 2'000'000, [&] {
    if (set.announced(0)) set.retract(0);  // somebody chooses this sleeper each time
    return false;
  });
  EXPECT_EQ(end, WaitEnd::timed_out);
  EXPECT_FALSE(set.announced(1));
  EXPECT_TRUE(other.sleep(kNoDeadline));
}

TEST_F(SleeperTest, SleepingCostsNoCpu) {
  std::atomic<bool> done{false};
  rusage before{}, after{};
  std::thread waker([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    done = true;
    set.wake_all(parties.bells());
  });
  ::getrusage(RUSAGE_THREAD, &before);
  wait_for(set, parties.party(0), sleeper, kNoDeadline, [&] { return done.load(); });
  ::getrusage(RUSAGE_THREAD, &after);
  waker.join();
  const auto used = [](const rusage& u) {
    return u.ru_utime.tv_sec * 1'000'000 + u.ru_utime.tv_usec + u.ru_stime.tv_sec * 1'000'000 + u.ru_stime.tv_usec;
  };
  EXPECT_LT(used(after) - used(before), 30'000) << "microseconds of 300,000";
}

}  // namespace
}  // namespace prefork::ipc
