#include "ipc/posix/running_clock.hpp"

#include <gtest/gtest.h>

namespace prefork::ipc {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kStart = 1000 * kSecond;

TEST(RunningClock, IsTheClockWhereNothingIsLost) {
  RunningClock clock;
  std::uint64_t now = kStart;
  EXPECT_EQ(clock.look(now), now) << "how long the machine has been up is nobody's gap";
  for (int i = 0; i < 1000; ++i) {
    clock.allow(kSecond);
    now += kSecond + RunningClock::kSlack;  // late, but not too late
    EXPECT_EQ(clock.look(now), now);
    now += RunningClock::kSlack;  // at work
    EXPECT_EQ(clock.look(now), now);
  }
  EXPECT_EQ(clock.lost(), 0U);
  EXPECT_FALSE(clock.resumed());
  clock.allow(RunningClock::kForEver);
  EXPECT_EQ(clock.look(now + 3600 * kSecond), now + 3600 * kSecond) << "as long as it was ready to wait";
}

TEST(RunningClock, LosesWhatIsBeyondTheWait) {
  RunningClock clock;
  clock.look(kStart);
  clock.allow(kSecond);
  EXPECT_EQ(clock.look(kStart + 62 * kSecond), kStart + kSecond + RunningClock::kSlack);
  EXPECT_EQ(clock.lost(), 61 * kSecond - RunningClock::kSlack);
  EXPECT_EQ(clock.resumed(), kStart + kSecond + RunningClock::kSlack);
  EXPECT_EQ(clock.look(kStart + 63 * kSecond - RunningClock::kSlack), kStart + 2 * kSecond) << "and goes on";
}

TEST(RunningClock, AnAllowanceIsForOneLook) {
  RunningClock clock;
  clock.look(kStart);
  clock.allow(10 * kSecond);
  clock.look(kStart + kSecond);
  EXPECT_EQ(clock.look(kStart + 8 * kSecond), kStart + kSecond + RunningClock::kSlack);
}

TEST(RunningClock, MomentsKeepTheirOrder) {
  RunningClock clock;
  std::uint64_t now = kStart;
  clock.look(now);
  for (int i = 1; i <= 100; ++i) {  // more gaps than it tells apart
    now += static_cast<std::uint64_t>(i) * kSecond;
    clock.look(now);
    const std::uint64_t present = clock.at(now);
    EXPECT_EQ(present, now - clock.lost());
    std::uint64_t last = 0;
    for (std::uint64_t moment = kStart; moment <= now + kSecond; moment += kSecond / 3) {
      const std::uint64_t ran = clock.at(moment);
      EXPECT_GE(ran, last);
      EXPECT_TRUE(moment > now || ran <= present);
      last = ran;
    }
  }
}

TEST(RunningClock, AMomentBeforeAGapStaysAsFarAway) {
  RunningClock clock;
  clock.look(kStart);
  clock.look(kStart + RunningClock::kSlack);
  const std::uint64_t beat = kStart + RunningClock::kSlack / 2;
  clock.allow(kSecond);
  const std::uint64_t thawed = clock.look(kStart + 3600 * kSecond);
  EXPECT_EQ(clock.at(beat), beat);
  EXPECT_EQ(thawed - clock.at(beat), kSecond + RunningClock::kSlack + RunningClock::kSlack / 2);
  EXPECT_EQ(clock.at(kStart + 1800 * kSecond), thawed) << "while it did not run another may have";
  EXPECT_EQ(clock.at(kStart + 3601 * kSecond), thawed + kSecond);
}

TEST(RunningClock, GoesOnForAnother) {
  RunningClock before;
  before.look(kStart);
  before.look(kStart + 100 * kSecond);
  RunningClock after(before.lost());
  EXPECT_EQ(after.look(kStart + 101 * kSecond), before.at(kStart + 101 * kSecond));
}

}  // namespace
}  // namespace prefork::ipc
