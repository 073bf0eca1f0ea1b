#include "framework/worker/loop/timeout.hpp"

#include <gtest/gtest.h>
#include <poll.h>

namespace prefork::worker {
namespace {

struct Limit final : Timeout {
  int calls = 0;
  void on_timeout() override { ++calls; }
};
struct Alarm final : TimerWheel::Entry {
  int calls = 0;
  void on_timer() override { ++calls; }
};

TEST(Timeout, PassesInItsTime) {
  EventLoop loop;
  Limit limit;
  const std::uint64_t by = loop.ran_after(20);
  limit.arm(loop, by);
  int turns = 0;
  for (; limit.calls == 0; ++turns) loop.turn();
  EXPECT_GE(loop.ran_ms(), by);
  EXPECT_LE(turns, 4) << "it waits and does not poll";
  EXPECT_FALSE(limit.armed());
}

// The test stops where the worker would be frozen.
TEST(Timeout, MovesByTheTimeInWhichNobodyRan) {
  EventLoop loop;
  Limit limit;
  Alarm alarm;
  limit.arm(loop, loop.ran_after(800));
  loop.timers().arm(alarm, loop.tick_after(800));
  const std::uint64_t moment = loop.now_ns();
  ::poll(nullptr, 0, 1500);
  loop.refresh_clock();
  loop.turn();
  EXPECT_EQ(alarm.calls, 1) << "a service's timer is by the clock";
  EXPECT_EQ(limit.calls, 0);
  EXPECT_LE(loop.ran_ms(), loop.ran_at(moment) + 600) << "half a second, and this turn";
  EXPECT_GE(loop.now_ms(), moment / 1'000'000 + 1500);
  while (limit.calls == 0) loop.turn();
  EXPECT_GE(loop.ran_ms(), loop.ran_at(moment) + 799);
}

TEST(Timeout, OneThatIsDisarmedIsSilent) {
  EventLoop loop;
  Limit limit;
  Alarm alarm;
  limit.arm(loop, loop.ran_after(5));
  loop.timers().arm(alarm, loop.tick_after(20));
  limit.disarm();
  while (alarm.calls == 0) loop.turn();
  EXPECT_EQ(limit.calls, 0);
}

}  // namespace
}  // namespace prefork::worker
