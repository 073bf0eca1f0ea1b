#include "framework/master/policy/saturation.hpp"

#include <gtest/gtest.h>

namespace prefork::master {
namespace {

using namespace std::chrono_literals;
using News = Saturation::News;

const TimePoint kStart{1h};

TEST(Fullness, NoWorkerHasRoomAndSomebodyWaits) {
  EXPECT_TRUE((FullnessLook{2, 2, 1}.saturated()));
  EXPECT_FALSE((FullnessLook{2, 2, 0}.saturated()));
  EXPECT_FALSE((FullnessLook{2, 1, 9}.saturated()));
  EXPECT_FALSE((FullnessLook{0, 0, 9}.saturated()));  // nobody serves: that is told otherwise
}

TEST(Saturation, AnEpisodeIsToldOnceAndItsEndOnce) {
  Saturation saturation;
  EXPECT_EQ(saturation.look({2, 2, 5}, kStart), News::none);
  EXPECT_EQ(saturation.full_since(), kStart);
  EXPECT_EQ(saturation.look({2, 2, 6}, kStart + 1s), News::begun);
  EXPECT_EQ(saturation.look({2, 2, 9}, kStart + 2s), News::none);
  // A moment of room ends nothing.
  EXPECT_EQ(saturation.look({2, 1, 0}, kStart + 3s), News::none);
  EXPECT_EQ(saturation.full_since(), std::nullopt);
  EXPECT_EQ(saturation.look({2, 2, 3}, kStart + 4s), News::none);
  EXPECT_EQ(saturation.full_since(), kStart + 4s);
  EXPECT_EQ(saturation.look({2, 2, 0}, kStart + 13999ms), News::none);
  EXPECT_EQ(saturation.look({2, 2, 0}, kStart + 14s), News::ended);
  EXPECT_EQ(saturation.episode_length(), 4s);
  EXPECT_EQ(saturation.most_waiting(), 9U);
  EXPECT_EQ(saturation.look({2, 2, 0}, kStart + 60s), News::none);
  // And the next one.
  EXPECT_EQ(saturation.look({1, 1, 1}, kStart + 70s), News::none);
  EXPECT_EQ(saturation.look({1, 1, 2}, kStart + 72s), News::begun);
  EXPECT_EQ(saturation.most_waiting(), 2U);
}

TEST(Saturation, ABurstIsNone) {
  Saturation saturation;
  for (int second = 0; second < 60; ++second) {
    const TimePoint now = kStart + std::chrono::seconds(second);
    EXPECT_EQ(saturation.look({2, 2, 5}, now), News::none) << second;
    EXPECT_EQ(saturation.look({2, 2, 5}, now + 900ms), News::none) << second;
    EXPECT_EQ(saturation.look({2, 2, 0}, now + 950ms), News::none) << second;
  }
  EXPECT_FALSE(saturation.in_episode());
}

}  // namespace
}  // namespace prefork::master
