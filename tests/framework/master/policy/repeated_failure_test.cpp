#include "framework/master/policy/repeated_failure.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace prefork::master {
namespace {

using namespace std::chrono_literals;

TEST(RepeatedFailure, IsToldAtGrowingIntervals) {
  RepeatedFailure failure;
  const TimePoint start{};
  std::vector<std::chrono::milliseconds> told;
  unsigned counted = 0, tries = 0;
  for (std::chrono::milliseconds at{0}; at < 1h; at += 500ms) {
    ++tries;
    const auto added = failure.failed(start + at, "fork");
    if (!added) continue;
    told.push_back(at);
    ++counted;
    if (!added->empty()) counted += static_cast<unsigned>(std::stoi(added->substr(6)));
  }
  ASSERT_GE(told.size(), 10U);
  EXPECT_LE(told.size(), 25U);
  EXPECT_EQ(told[0], 0ms);
  EXPECT_EQ(told[1], 1s);
  EXPECT_EQ(told[2], 3s);
  EXPECT_EQ(told[3], 7s);
  EXPECT_EQ(told.back() - told[told.size() - 2], 300s);
  EXPECT_GT(counted, tries - 600);
  EXPECT_EQ(failure.worked(), tries);
  EXPECT_EQ(failure.worked(), 0U);
}

TEST(RepeatedFailure, AnotherReasonIsToldAtOnceAndSoIsTheFirstAfterASuccess) {
  RepeatedFailure failure;
  const TimePoint now{};
  EXPECT_EQ(failure.failed(now, "fork"), "");
  EXPECT_EQ(failure.failed(now + 1ms, "fork"), std::nullopt);
  EXPECT_EQ(failure.failed(now + 2ms, "pipe"), " (and 1 times since this was told)");
  EXPECT_EQ(failure.failed(now + 3ms, "pipe"), std::nullopt);
  EXPECT_EQ(failure.worked(), 4U);
  EXPECT_EQ(failure.failed(now + 4ms, "pipe"), "");
}

}  // namespace
}  // namespace prefork::master
