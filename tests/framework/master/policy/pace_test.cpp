#include "framework/master/policy/pace.hpp"

#include <gtest/gtest.h>

namespace prefork::master {
namespace {

using namespace std::chrono_literals;

TimePoint at(std::chrono::milliseconds since) { return TimePoint(1h) + since; }

unsigned taken(Pace& pace, TimePoint now, unsigned tries) {
  unsigned count = 0;
  for (unsigned i = 0; i < tries; ++i) count += pace.take(now) ? 1 : 0;
  return count;
}

TEST(Pace, SoManyAtOnceAndThenOneInSoLong) {
  Pace pace({100ms, 5});
  EXPECT_EQ(taken(pace, at(0ms), 10), 5U);
  EXPECT_EQ(pace.next(at(0ms)), at(100ms));
  EXPECT_EQ(taken(pace, at(99ms), 10), 0U);
  EXPECT_EQ(taken(pace, at(100ms), 10), 1U);
  EXPECT_EQ(taken(pace, at(350ms), 10), 2U);
  EXPECT_EQ(pace.next(at(350ms)), at(400ms));
  EXPECT_EQ(taken(pace, at(10s), 10), 5U) << "no more than at first";
}

TEST(Pace, InTheLongRunNoMoreThanItsRate) {
  Pace pace({10ms, 3});
  unsigned all = 0;
  for (auto now = 0ms; now < 10s; now += 1ms) all += taken(pace, at(now), 2);
  EXPECT_EQ(all, 3U + 999U);
}

TEST(Pace, WithoutALimitTakesAll) {
  Pace pace;
  EXPECT_EQ(taken(pace, at(0ms), 1000), 1000U);
  EXPECT_EQ(pace.next(at(0ms)), at(0ms));
}

TEST(LogBudget, DropsCountsAndTellsNowAndThen) {
  LogBudget budget(100);
  unsigned written = 0;
  for (unsigned i = 0; i < 5000; ++i) written += budget.take(at(0ms)) ? 1 : 0;
  EXPECT_EQ(written, 100 * LogBudget::kSecondsAtOnce);
  EXPECT_EQ(budget.dropped(), 4000U);
  EXPECT_TRUE(budget.has_to_tell(at(0ms)));
  budget.told(at(0ms));
  EXPECT_FALSE(budget.untold());
  EXPECT_FALSE(budget.take(at(1ms)));
  EXPECT_TRUE(budget.untold());
  EXPECT_FALSE(budget.has_to_tell(at(9999ms)));
  EXPECT_TRUE(budget.has_to_tell(at(10s)));
  EXPECT_TRUE(budget.take(at(10s))) << "it is its turn again";
  EXPECT_EQ(budget.dropped(), 4001U);
}

TEST(LogBudget, NoLimit) {
  LogBudget budget(0);
  for (unsigned i = 0; i < 100'000; ++i) ASSERT_TRUE(budget.take(at(0ms)));
  EXPECT_FALSE(budget.untold());
}

}  // namespace
}  // namespace prefork::master
