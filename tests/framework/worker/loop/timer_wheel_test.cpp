#include "framework/worker/loop/timer_wheel.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace prefork::worker {
namespace {

struct Timer final : TimerWheel::Entry {
  std::function<void()> call = [] {};
  int fired = 0;
  void on_timer() override {
    ++fired;
    call();
  }
};

TEST(TimerWheel, FiresAtItsTickAndNotBefore) {
  // One of each level, and the edges between them.
  for (const std::uint64_t start : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{63}, std::uint64_t{4095},
                                    std::uint64_t{123'456'789}, (std::uint64_t{1} << 36) - 1, std::uint64_t{1} << 40}) {
    for (unsigned bit = 0; bit < 36; ++bit) {
      for (const int off : {-1, 0, 1}) {
        const std::uint64_t delay = (std::uint64_t{1} << bit) + static_cast<std::uint64_t>(off);
        if (delay == 0) continue;
        TimerWheel wheel(start);
        Timer timer;
        wheel.arm(timer, start + delay);
        wheel.advance(start + delay - 1);
        ASSERT_EQ(timer.fired, 0) << "early: " << start << " + " << delay;
        ASSERT_TRUE(timer.armed());
        wheel.advance(start + delay);
        ASSERT_EQ(timer.fired, 1) << "late: " << start << " + " << delay;
        ASSERT_FALSE(timer.armed());
      }
    }
  }
}

TEST(TimerWheel, FarBeyondTheHorizonIsWaitedFor) {
  for (const std::uint64_t start : {std::uint64_t{0}, std::uint64_t{77'777'777'777}}) {
    for (const std::uint64_t delay : {(std::uint64_t{1} << 36) - 2, std::uint64_t{1} << 36, std::uint64_t{3} << 36}) {
      TimerWheel wheel(start);
      Timer timer;
      wheel.arm(timer, start + delay);
      std::uint64_t now = start;
      for (int steps = 0; timer.fired == 0; ++steps) {
        ASSERT_LT(steps, 1000);
        const auto next = wheel.next_tick();
        ASSERT_TRUE(next);
        ASSERT_GT(*next, now) << "the loop would spin";
        ASSERT_LE(*next, start + delay);
        now = *next;
        wheel.advance(now);
      }
      EXPECT_EQ(now, start + delay);
    }
  }
}

TEST(TimerWheel, NeverIsATimeToo) {
  TimerWheel wheel(1000);
  Timer timer;
  wheel.arm(timer, UINT64_MAX);
  for (int i = 0; i < 200; ++i) {
    const auto next = wheel.next_tick();
    ASSERT_TRUE(next);
    wheel.advance(*next);
  }
  EXPECT_EQ(timer.fired, 0);
  EXPECT_TRUE(timer.armed());
}

TEST(TimerWheel, PastTimesFireAtTheNextTick) {
  TimerWheel wheel(100);
  Timer timer;
  wheel.arm(timer, 5);
  wheel.advance(100);
  EXPECT_EQ(timer.fired, 0);
  wheel.advance(101);
  EXPECT_EQ(timer.fired, 1);
}

TEST(TimerWheel, EmptyHasNoNextTick) {
  TimerWheel wheel(0);
  EXPECT_FALSE(wheel.next_tick());
  Timer timer;
  wheel.arm(timer, 10);
  EXPECT_EQ(wheel.next_tick(), 10U);
  timer.disarm();
  EXPECT_FALSE(wheel.next_tick());
}

TEST(TimerWheel, DestroyedEntryAndDestroyedWheelLetGo) {
  auto wheel = std::make_unique<TimerWheel>(0);
  Timer survivor;
  {
    Timer gone;
    wheel->arm(gone, 10);
    wheel->arm(survivor, 10);
  }
  wheel->advance(5);
  EXPECT_TRUE(survivor.armed());
  wheel.reset();
  EXPECT_FALSE(survivor.armed());
}

TEST(TimerWheel, CallbacksMayCancelEachOtherAndComeAgain) {
  TimerWheel wheel(0);
  Timer killer, again;
  auto victim = std::make_unique<Timer>();
  auto shot = std::make_unique<Timer>();
  killer.call = [&] {
    victim->disarm();
    shot.reset();
  };
  again.call = [&] {
    if (again.fired < 3) wheel.arm(again, 10);  // of this very tick, that has come: the next is meant
  };
  wheel.arm(killer, 10);
  wheel.arm(*victim, 10);
  wheel.arm(*shot, 10);
  wheel.arm(again, 10);
  wheel.advance(10);
  EXPECT_EQ(victim->fired, 0);
  EXPECT_EQ(again.fired, 1) << "what a callback arms waits for a later tick";
  wheel.advance(11);
  EXPECT_EQ(again.fired, 2);
  wheel.advance(20);
  EXPECT_EQ(again.fired, 3);
  EXPECT_FALSE(wheel.next_tick());
}

TEST(TimerWheel, ACallbackMayDestroyItsOwnEntry) {
  TimerWheel wheel(0);
  auto* timer = new Timer;
  bool called = false;
  timer->call = [&called, timer] {
    called = true;
    delete timer;
  };
  wheel.arm(*timer, 1);
  wheel.advance(1);
  EXPECT_TRUE(called);
}

// Goal: over a long random life the wheel does what a sorted map does.
TEST(TimerWheel, AgreesWithAModel) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937_64 random(seed);
    std::uint64_t now = random() >> (seed % 40);
    if (now > (std::uint64_t{1} << 60)) now >>= 4;
    TimerWheel wheel(now);
    std::vector<std::unique_ptr<Timer>> timers;
    std::map<std::size_t, std::uint64_t> model;  // armed timers and their ticks
    std::uint64_t moving = now;                  // what advance() has come to
    for (std::size_t i = 0; i < 50; ++i) {
      timers.push_back(std::make_unique<Timer>());
      timers.back()->call = [&, i] {
        const auto found = model.find(i);
        ASSERT_NE(found, model.end()) << "fired but not armed";
        ASSERT_LE(found->second, moving) << "early";
        model.erase(found);
        if (random() % 4 == 0) {
          const std::uint64_t when = moving + 1 + (random() >> (28 + random() % 36));
          wheel.arm(*timers[i], when);
          model[i] = when;
        }
        if (random() % 8 == 0) {
          const std::size_t other = random() % timers.size();
          timers[other]->disarm();
          model.erase(other);
        }
      };
    }
    for (int step = 0; step < 2000 && !testing::Test::HasFatalFailure(); ++step) {
      const std::size_t i = random() % timers.size();
      const auto choice = random() % 10;
      if (choice < 5) {
        const std::uint64_t when = now + (random() >> (26 + random() % 38));
        wheel.arm(*timers[i], when);
        model[i] = std::max(when, now + 1);
        ASSERT_EQ(timers[i]->expires(), model[i]);
      } else if (choice < 6) {
        timers[i]->disarm();
        model.erase(i);
      } else {
        const auto next = wheel.next_tick();
        ASSERT_EQ(next.has_value(), !model.empty());
        for (const auto& [index, when] : model) ASSERT_LE(*next, when) << "next_tick is later than an expiry";
        const bool to_next = next && random() % 2 == 0;
        moving = to_next ? *next : now + (random() >> (30 + random() % 34));
        wheel.advance(moving);
        now = moving;
        for (const auto& [index, when] : model) ASSERT_GT(when, now) << "late";
      }
      for (std::size_t n = 0; n < timers.size(); ++n) ASSERT_EQ(timers[n]->armed(), model.contains(n));
    }
  }
}

}  // namespace
}  // namespace prefork::worker
