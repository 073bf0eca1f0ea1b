#include "framework/master/policy/hold_watch.hpp"

#include <gtest/gtest.h>

#include <string>

namespace prefork::master {
namespace {

using namespace std::chrono_literals;
using Holds = std::vector<ipc::Hold>;

TimePoint at(std::chrono::milliseconds since) { return TimePoint(1h) + since; }

// "1@7 for 1250" for each that is told.
std::string told(HoldWatch& watch, std::chrono::milliseconds when, const Holds& holds, std::size_t object = 0) {
  std::string text;
  for (const auto& overdue : watch.sampled(object, holds, at(when))) {
    text += (text.empty() ? "" : ", ") + std::to_string(overdue.hold.index) + "@" + std::to_string(overdue.hold.owner) +
            " for " + std::to_string(overdue.held.count());
  }
  return text;
}

TEST(HoldWatch, WithoutLimitsNothingIsDue) {
  HoldWatch watch({0ms, 0ms});
  EXPECT_EQ(watch.next(), std::nullopt);
  EXPECT_TRUE(watch.due(at(0ms)).empty());
  EXPECT_EQ(told(watch, 0ms, {{7, 0, 1}}), "");
}

TEST(HoldWatch, SamplesAQuarterOfTheLimitApart) {
  struct Case {
    std::chrono::milliseconds limit, interval;
  };
  for (const auto& [limit, interval] : {Case{1ms, 100ms}, {400ms, 100ms}, {2s, 500ms}, {1h, 1s}}) {
    HoldWatch watch({0ms, limit});
    EXPECT_EQ(watch.due(at(0ms)), std::vector<std::size_t>{1});
    told(watch, 0ms, {}, 1);
    EXPECT_EQ(watch.next(), at(interval)) << limit.count();
    EXPECT_TRUE(watch.due(at(interval - 1ms)).empty());
    EXPECT_EQ(watch.due(at(interval)), std::vector<std::size_t>{1});
  }
}

TEST(HoldWatch, TheEarliestIsNext) {
  HoldWatch watch({4s, 400ms});
  told(watch, 0ms, {}, 0);
  told(watch, 0ms, {}, 1);
  EXPECT_EQ(watch.next(), at(100ms));
}

TEST(HoldWatch, ASampleMayComeInPieces) {
  HoldWatch watch({400ms});
  const auto sample = [&](std::chrono::milliseconds when, std::uint64_t token) {
    std::size_t told = watch.sampled(0, {{7, 1, 100}, {7, 5, 100}}, at(when), false).size();
    told += watch.sampled(0, {{7, 2000, token}}, at(when), false).size();
    return told + watch.sampled(0, {{8, 3000, 100}}, at(when), true).size();
  };
  EXPECT_EQ(sample(0ms, 1), 0U);
  EXPECT_EQ(watch.next(), at(100ms));
  EXPECT_EQ(sample(401ms, 2), 3U) << "one was let go of and taken again";
  EXPECT_EQ(sample(802ms, 2), 1U);
}

TEST(HoldWatch, WatchesSoManyHoldsAndNoMore) {
  HoldWatch watch({400ms});
  Holds holds;
  for (std::uint32_t i = 0; i < 2 * HoldWatch::kMostSeen; ++i) holds.push_back({7, i, 1});
  EXPECT_TRUE(watch.sampled(0, holds, at(0ms)).empty());
  EXPECT_EQ(watch.sampled(0, holds, at(500ms)).size(), HoldWatch::kMostSeen);
}

TEST(HoldWatch, EachHoldingIsToldOnce) {
  struct Step {
    std::chrono::milliseconds when;
    Holds holds;  ///< owner, index, token
    std::string expected;
  };
  const std::vector<Step> steps{
      {0ms, {{7, 1, 100}}, ""},
      {1000ms, {{7, 1, 100}}, ""},  // at the limit, not beyond
      {1250ms, {{7, 1, 100}, {8, 2, 200}}, "1@7 for 1250"},
      {1500ms, {{7, 1, 100}, {8, 2, 200}}, ""},              // told already
      {2300ms, {{7, 1, 101}, {8, 2, 200}}, "2@8 for 1050"},  // another token is another holding
      {3300ms, {{7, 1, 101}}, ""},
      {3301ms, {{7, 1, 101}}, "1@7 for 1001"},
      {3400ms, {}, ""},
      {9000ms, {{7, 1, 101}}, ""},  // given back in between: its time starts again
      {9500ms, {{9, 1, 101}}, ""},  // another owner
      {10600ms, {{9, 1, 101}}, "1@9 for 1100"},
  };
  HoldWatch watch({1s});
  for (const auto& step : steps) EXPECT_EQ(told(watch, step.when, step.holds), step.expected) << step.when.count();
}

}  // namespace
}  // namespace prefork::master
