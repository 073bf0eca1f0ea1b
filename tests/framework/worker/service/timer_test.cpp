#include <prefork/context.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <vector>

#include "tests/framework/worker/harness.hpp"

namespace prefork::worker {
namespace {

using namespace test;
using SteadyClock = std::chrono::steady_clock;

TEST(Timers, AfterFiresOnceAndNeverEarly) {
  Harness h;
  int fired = 0;
  const auto start = SteadyClock::now();
  SteadyClock::time_point at;
  Timer timer = h.host.after(20ms, [&] {
    ++fired;
    at = SteadyClock::now();
  });
  EXPECT_TRUE(timer.active());
  EXPECT_TRUE(h.turn_until([&] { return fired > 0; }));
  EXPECT_GE(at - start, 20ms);
  EXPECT_FALSE(timer.active());
  for (int i = 0; i < 5; ++i) h.turn();
  EXPECT_EQ(fired, 1);
}

// Goal: a delay counts from the call, not from the beginning of the turn, in which the caller may have worked for long.
TEST(Timers, ADelayCountsFromTheCall) {
  Harness h;
  const auto work = SteadyClock::now() + 10ms;
  while (SteadyClock::now() < work) {
  }
  const auto start = SteadyClock::now();
  int fired = 0;
  const Timer timer = h.host.after(5ms, [&] { ++fired; });
  auto body = [&]() -> Task<void> {
    co_await h.host.sleep_for(5ms);
    ++fired;
  };
  h.host.spawn(body());
  while (fired == 0 && SteadyClock::now() < start + 30s) h.turn();
  EXPECT_GE(SteadyClock::now() - start, 5ms);
  EXPECT_TRUE(h.turn_until([&] { return fired == 2; }));
}

TEST(Timers, EveryComesAgainUntilItIsDestroyed) {
  Harness h;
  int fired = 0;
  {
    const Timer timer = h.host.every(1ms, [&] { ++fired; });
    EXPECT_TRUE(h.turn_until([&] { return fired >= 5; }));
    EXPECT_TRUE(timer.active());
  }
  const int before = fired;
  for (int i = 0; i < 5; ++i) h.turn();
  EXPECT_EQ(fired, before);
}

TEST(Timers, AtATimeThatHasPassedFiresSoon) {
  Harness h;
  int fired = 0;
  const Timer past = h.host.at(std::chrono::system_clock::time_point{}, [&] { ++fired; });
  const Timer soon = h.host.at(std::chrono::system_clock::now() + 5ms, [&] { ++fired; });
  const Timer late =
      h.host.at(std::chrono::system_clock::now() + std::chrono::hours(24 * 365 * 20), [&] { fired = 100; });
  EXPECT_TRUE(h.turn_until([&] { return fired >= 2; }));
  EXPECT_EQ(fired, 2);
}

TEST(Timers, AVeryLongDelayDoesNotStopTheLoop) {
  Harness h;
  const Timer never = h.host.after(std::chrono::milliseconds::max(), [] { FAIL(); });
  bool fired = false;
  const Timer soon = h.host.after(2ms, [&] { fired = true; });
  EXPECT_TRUE(h.turn_until([&] { return fired; }));
}

TEST(Timers, CancelInsideTheCallback) {
  Harness h;
  int fired = 0;
  Timer timer;
  timer = h.host.every(1ms, [&] {
    ++fired;
    timer.cancel();
    EXPECT_FALSE(timer.active());
  });
  EXPECT_TRUE(h.turn_until([&] { return fired == 1; }));
  for (int i = 0; i < 5; ++i) h.turn();
  EXPECT_EQ(fired, 1);
}

TEST(Timers, ReplacedInsideTheCallback) {
  Harness h;
  std::vector<int> order;
  Timer timer;
  timer = h.host.after(1ms, [&] {
    order.push_back(1);
    timer = h.host.after(1ms, [&] { order.push_back(2); });
  });
  EXPECT_TRUE(h.turn_until([&] { return order.size() == 2; }));
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(Timers, DetachedRunsWithoutAHandle) {
  Harness h;
  const auto held = std::make_shared<int>(0);
  h.host.after(1ms, [held] { ++*held; }).detach();
  EXPECT_TRUE(h.turn_until([&] { return *held == 1; }));
  for (int i = 0; i < 3; ++i) h.turn();
  EXPECT_EQ(held.use_count(), 1) << "freed after its one firing";
}

TEST(Timers, ACoroutineCallbackIsNotReentered) {
  Harness h;
  int inside = 0, most = 0, calls = 0;
  auto body = [&]() -> Task<void> {
    most = std::max(most, ++inside);
    co_await h.host.sleep_for(10ms);
    --inside;
    ++calls;
  };
  {
    const Timer timer = h.host.every(1ms, body);
    EXPECT_TRUE(h.turn_until([&] { return calls >= 3; }));
    EXPECT_TRUE(h.turn_until([&] { return inside == 1; }));
  }
  EXPECT_EQ(most, 1);
  EXPECT_EQ(h.runtime.tasks, 1U) << "the one that is running goes on to its end";
  EXPECT_TRUE(h.turn_until([&] { return inside == 0; }));
  EXPECT_EQ(h.runtime.tasks, 0U);
}

TEST(Timers, ExceptionsAreLoggedAndThePeriodGoesOn) {
  Harness h;
  int fired = 0;
  const Timer timer = h.host.every(1ms, [&] {
    if (++fired < 3) throw std::runtime_error("number " + std::to_string(fired));
  });
  EXPECT_TRUE(h.turn_until([&] { return fired >= 4; }));
  EXPECT_EQ(h.log.lines, (std::vector<std::string>{"test: timer: number 1", "test: timer: number 2"}));
  EXPECT_EQ(h.counter(ipc::Counter::handler_errors), 2U);
}

TEST(Timers, DestroyedHarnessLetsThemGo) {
  Timer timer;
  {
    Harness h;
    timer = h.host.every(1ms, [] {});
  }
  EXPECT_FALSE(timer.active());
}

TEST(Sleep, IsNeverEarlyAndZeroDoesNotWait) {
  Harness h;
  const auto start = SteadyClock::now();
  bool done = false;
  auto body = [&]() -> Task<void> {
    co_await h.host.sleep_for(0ms);
    co_await h.host.sleep_for(-5ms);
    co_await h.host.sleep_for(5ms);
    co_await h.host.sleep_for(5ms);
    done = true;
  };
  h.host.spawn(body());
  EXPECT_TRUE(h.turn_until([&] { return done; }));
  EXPECT_GE(SteadyClock::now() - start, 10ms);
}

TEST(Sleep, IsNamedForWhatItServed) {
  Harness h;
  ipc::Activity after;
  auto body = [&]() -> Task<void> {
    co_await h.host.sleep_for(1ms);
    after = h.runtime.slot.activity();
  };
  h.runtime.slot.begin_activity(ipc::ActivityKind::request, 0, 42, "GET /x");
  h.host.spawn(body());
  h.runtime.slot.end_activity();
  EXPECT_TRUE(h.turn_until([&] { return after.kind != ipc::ActivityKind::none; }));
  EXPECT_EQ(after.kind, ipc::ActivityKind::request);
  EXPECT_EQ(after.text, "GET /x");
  EXPECT_EQ(after.since_ns, 42U);
  EXPECT_EQ(h.runtime.slot.activity().kind, ipc::ActivityKind::none);
}

// Goal: a coroutine that sleeps can be destroyed; nobody resumes it then.
TEST(Sleep, EndsWithItsCoroutine) {
  Harness h;
  int freed = 0;
  struct Guard {
    int& count;
    ~Guard() { ++count; }
  };
  auto body = [&]() -> Task<void> {
    const Guard guard{freed};
    co_await h.host.sleep_for(1ms);
    ADD_FAILURE() << "resumed";
  };
  {
    Task<void> task = body();
    task.await_suspend(std::noop_coroutine());
    EXPECT_EQ(freed, 0);
  }
  EXPECT_EQ(freed, 1);
  bool later = false;
  const Timer timer = h.host.after(5ms, [&] { later = true; });
  EXPECT_TRUE(h.turn_until([&] { return later; }));
}

TEST(Spawn, RunsAtOnceIsCountedAndLogsWhatItThrows) {
  Harness h;
  std::vector<int> order;
  auto body = [&]() -> Task<void> {
    order.push_back(1);
    co_await h.host.sleep_for(1ms);
    throw std::runtime_error("late");
  };
  h.host.spawn(body());
  order.push_back(2);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_EQ(h.runtime.tasks, 1U);
  EXPECT_TRUE(h.turn_until([&] { return h.runtime.tasks == 0; }));
  EXPECT_EQ(h.log.lines, std::vector<std::string>{"test: spawned coroutine: late"});
  h.host.spawn(Task<void>());
  EXPECT_EQ(h.runtime.tasks, 0U);
}

TEST(Context, KnowsItsPlaceAndItsOptions) {
  Harness h;
  Context& context = h.host;
  EXPECT_EQ(context.service(), "test");
  EXPECT_EQ(context.pool(), "main");
  EXPECT_EQ(context.worker_index(), 3U);
  EXPECT_EQ(context.generation(), 7U);
  EXPECT_FALSE(context.draining());
  h.runtime.drain = DrainMode::patient;
  EXPECT_TRUE(context.draining());
  EXPECT_EQ(context.options().integer("size"), 42);
  EXPECT_EQ(context.options().text("name"), "x");
  EXPECT_THROW(context.options().integer("name"), std::logic_error);
  EXPECT_THROW(context.options().text("no-such"), std::logic_error);
}

}  // namespace
}  // namespace prefork::worker
