#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "services/chat/flood_guard.hpp"
#include "services/chat/outbox.hpp"
#include "services/chat/recent.hpp"

namespace chat {
namespace {

using namespace std::chrono_literals;
using Verdict = FloodGuard::Verdict;

TEST(ChatFloodGuard, PassesABurstAndThenTheRate) {
  FloodGuard::Time now{1h};
  FloodGuard guard({.rate = 2, .burst = 3, .patience = 100}, now);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(guard.judge(now), Verdict::pass);
  EXPECT_EQ(guard.judge(now), Verdict::tell);
  EXPECT_EQ(guard.judge(now), Verdict::drop);
  EXPECT_EQ(guard.judge(now += 500ms), Verdict::pass);
  EXPECT_EQ(guard.judge(now), Verdict::drop) << "it was told half a second ago";
  EXPECT_EQ(guard.judge(now += 499ms), Verdict::drop);
  EXPECT_EQ(guard.judge(now += 1ms), Verdict::pass);
  EXPECT_EQ(guard.judge(now), Verdict::tell);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(guard.judge(now += (i == 0 ? 1h : 0h)), Verdict::pass) << "no more than a burst";
  EXPECT_EQ(guard.judge(now), Verdict::tell);
  EXPECT_EQ(guard.judge(now - 1h), Verdict::drop) << "a clock that goes back gives nothing";
}

TEST(ChatFloodGuard, SendsAwayWhoGoesOnAndForgivesWhoPauses) {
  FloodGuard::Time now{1h};
  FloodGuard guard({.rate = 1, .burst = 2, .patience = 5}, now);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 7; ++i) EXPECT_NE(guard.judge(now), Verdict::end);
    EXPECT_FALSE(guard.idle(now));
    EXPECT_TRUE(guard.idle(now += 2s));
  }
  for (int i = 0; i < 7; ++i) guard.judge(now);
  EXPECT_EQ(guard.judge(now), Verdict::end);
}

TEST(ChatOutbox, IsBoundedAndSaysWhatItLost) {
  Outbox outbox(10);
  EXPECT_TRUE(outbox.empty());
  outbox.add("12345\n");
  outbox.add("789\n");
  outbox.add("x\n");
  outbox.add("y\n");
  const auto taken = [&outbox] {
    auto [lines, missed] = outbox.take();
    return lines + (missed > 0 ? "and " + std::to_string(missed) : "");
  };
  EXPECT_EQ(taken(), "12345\n789\nand 2");
  EXPECT_TRUE(outbox.empty());
  outbox.add("again\n");
  EXPECT_EQ(taken(), "again\n");
  outbox.add(std::string(11, 'z'));
  EXPECT_FALSE(outbox.empty());
  outbox.add("a\n");
  EXPECT_EQ(taken(), "and 2") << "the order is kept";
}

TEST(ChatRecent, KnowsTheLast) {
  Recent recent(2);
  EXPECT_TRUE(recent.first(1));
  EXPECT_FALSE(recent.first(1));
  EXPECT_TRUE(recent.first(2));
  EXPECT_TRUE(recent.first(3));
  EXPECT_FALSE(recent.first(2));
  EXPECT_TRUE(recent.first(1)) << "too long ago";
}

}  // namespace
}  // namespace chat
