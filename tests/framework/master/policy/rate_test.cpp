#include "framework/master/policy/rate.hpp"

#include <gtest/gtest.h>

namespace prefork::master {
namespace {

using namespace std::chrono_literals;

TEST(RateEstimator, ASteadyRateIsRightFromTheSecondLook) {
  RateEstimator rate;
  TimePoint now{};
  EXPECT_EQ(rate.update(1'000, now), 0.0) << "what was before the first look is no rate";
  for (std::uint64_t total = 1'100; total < 5'000; total += 100) {
    now += 1s;
    EXPECT_NEAR(rate.update(total, now), 100.0, 1e-9);
  }
}

TEST(RateEstimator, TheDistanceOfTheLooksDoesNotMatter) {
  RateEstimator often;
  RateEstimator rarely;
  TimePoint now{};
  often.update(0, now);
  rarely.update(0, now);
  for (int ms = 1; ms <= 10'000; ++ms) {
    often.update(static_cast<std::uint64_t>(ms), now + std::chrono::milliseconds(ms));
  }
  EXPECT_NEAR(often.rate(), rarely.update(10'000, now + 10s), 1e-6);
}

TEST(RateEstimator, ForgetsAsItsWindowSays) {
  RateEstimator rate;
  TimePoint now{};
  rate.update(0, now);
  rate.update(100'000, now += 100s);
  const double after = rate.update(100'000, now += 5s);
  EXPECT_NEAR(after, 1000.0 / 2.718281828, 1.0);
  EXPECT_LT(rate.update(100'000, now += 60s), 0.01);
}

TEST(RateEstimator, NothingMovesAtTheSameInstant) {
  RateEstimator rate;
  TimePoint now{};
  rate.update(0, now);
  rate.update(10, now + 1s);
  EXPECT_NEAR(rate.update(1'000, now + 1s), 10.0, 1e-9);
  EXPECT_NEAR(rate.update(1'000, now), 10.0, 1e-9) << "nor backwards";
}

TEST(RateEstimator, ATotalThatGoesBackStartsOver) {
  RateEstimator rate;
  TimePoint now{};
  rate.update(0, now);
  rate.update(1'000, now + 1s);
  EXPECT_EQ(rate.update(5, now + 2s), 0.0);
  EXPECT_NEAR(rate.update(10, now + 3s), 5.0, 1e-9);
}

}  // namespace
}  // namespace prefork::master
