#include "framework/master/policy/roll_targets.hpp"

#include <gtest/gtest.h>

namespace prefork::master {
namespace {

TEST(Rollout, NewBeforeOldOneByOne) {
  EXPECT_EQ(roll_targets(3, 0, 3), (RollTargets{1, 3}));
  EXPECT_EQ(roll_targets(3, 1, 3), (RollTargets{2, 2}));
  EXPECT_EQ(roll_targets(3, 2, 3), (RollTargets{3, 1}));
  EXPECT_EQ(roll_targets(3, 3, 3), (RollTargets{3, 0}));
}

TEST(Rollout, AQuarterAtOnce) {
  EXPECT_EQ(roll_targets(64, 0, 64), (RollTargets{16, 64}));
  EXPECT_EQ(roll_targets(64, 50, 64), (RollTargets{64, 14}));
}

TEST(Rollout, GrowsShrinksBeginsAndEnds) {
  EXPECT_EQ(roll_targets(4, 2, 1), (RollTargets{3, 0}));
  EXPECT_EQ(roll_targets(1, 0, 4), (RollTargets{1, 4}));
  EXPECT_EQ(roll_targets(1, 1, 4), (RollTargets{1, 0})) << "all of the new ones serve";
  EXPECT_EQ(roll_targets(2, 1, 0), (RollTargets{2, 0}));
  EXPECT_EQ(roll_targets(0, 0, 3), (RollTargets{0, 0}));
}

// However many die on the way: never fewer serve than the smaller of both sides would have alone, nor are more there
// than the greater one and the surge.
TEST(Rollout, KeepsItsBounds) {
  for (unsigned incoming = 0; incoming <= 20; ++incoming) {
    for (unsigned outgoing = 0; outgoing <= 20; ++outgoing) {
      for (unsigned ready = 0; ready <= incoming; ++ready) {
        const RollTargets targets = roll_targets(incoming, ready, outgoing);
        EXPECT_GE(ready + targets.outgoing, std::min(incoming, outgoing));
        EXPECT_LE(targets.incoming + targets.outgoing, std::max(incoming, outgoing) + std::max(1U, incoming / 4));
      }
    }
  }
}

}  // namespace
}  // namespace prefork::master
