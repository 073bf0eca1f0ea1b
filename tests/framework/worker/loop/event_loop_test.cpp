#include "framework/worker/loop/event_loop.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>

#include <array>
#include <coroutine>
#include <functional>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "framework/worker/service/detached.hpp"
#include "ipc/memory/scoreboard.hpp"
#include "ipc/objects/wakeup.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::worker {
namespace {

struct Handler final : EventHandler {
  std::function<void(std::uint32_t)> call = [](std::uint32_t) {};
  int calls = 0;
  void on_events(std::uint32_t events) override {
    ++calls;
    call(events);
  }
};

struct Later final : Deferred {
  std::function<void()> call = [] {};
  int calls = 0;
  void run_deferred() override {
    ++calls;
    call();
  }
};

struct EventLoopTest : testing::Test {
  EventLoop loop;
  ipc::Wakeup a = ipc::Wakeup::create(), b = ipc::Wakeup::create();
  Handler on_a, on_b;
  Later later, other;
};

TEST_F(EventLoopTest, CallsTheHandlerOfWhatIsReady) {
  loop.add(a.wait_fd(), EPOLLIN, on_a);
  loop.add(b.wait_fd(), EPOLLIN | EPOLLET, on_b);
  b.wake();
  loop.turn();
  EXPECT_EQ(on_a.calls, 0);
  EXPECT_EQ(on_b.calls, 1);
  a.wake();
  loop.turn();
  loop.turn();
  EXPECT_EQ(on_a.calls, 2) << "level-triggered";
  EXPECT_EQ(on_b.calls, 1) << "edge-triggered";
}

TEST_F(EventLoopTest, RemovedAndUnknownDescriptors) {
  loop.add(a.wait_fd(), EPOLLIN, on_a);
  EXPECT_THROW(loop.add(a.wait_fd(), EPOLLIN, on_b), std::system_error);
  EXPECT_THROW(loop.modify(b.wait_fd(), EPOLLIN, on_b), std::system_error);
  loop.remove(a.wait_fd());
  loop.remove(a.wait_fd());
  a.wake();
  loop.defer(later);  // so that the turn does not wait
  loop.turn();
  EXPECT_EQ(on_a.calls, 0);
}

TEST_F(EventLoopTest, DeferredRunsOnceAfterTheEvents) {
  std::vector<int> order;
  on_a.call = [&](std::uint32_t) {
    order.push_back(1);
    loop.defer(later);
    loop.defer(later);
    order.push_back(2);
  };
  later.call = [&] { order.push_back(3); };
  loop.add(a.wait_fd(), EPOLLIN | EPOLLET, on_a);
  a.wake();
  loop.turn();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST_F(EventLoopTest, WhatIsDeferredWhileDeferredRunsWaitsForTheNextTurn) {
  later.call = [&] {
    if (later.calls < 3) loop.defer(later);
  };
  loop.defer(later);
  for (int i = 1; i <= 3; ++i) {
    loop.turn();
    EXPECT_EQ(later.calls, i) << "the turn must come to its end";
  }
}

TEST_F(EventLoopTest, ForgottenDeferredDoesNotRun) {
  loop.defer(later);
  loop.defer(other);
  loop.forget(later);
  loop.turn();
  EXPECT_EQ(later.calls, 0);
  EXPECT_EQ(other.calls, 1);
  loop.defer(later);
  loop.turn();
  EXPECT_EQ(later.calls, 1) << "it may be deferred anew";
}

TEST_F(EventLoopTest, OneDeferredMayDestroyTheNext) {
  auto next = std::make_unique<Later>();
  later.call = [&] {
    loop.forget(*next);
    next.reset();
  };
  loop.defer(later);
  loop.defer(*next);
  loop.turn();
  EXPECT_EQ(later.calls, 1);
}

struct Counted : Disposable {
  explicit Counted(int& alive) : alive_(alive) { ++alive_; }
  ~Counted() override { --alive_; }
  int& alive_;
};

// Goal: an object may be disposed of by one event while the next of the same batch still names it.
TEST_F(EventLoopTest, DisposedObjectsOutliveTheTurnsEvents) {
  int alive = 0, seen_alive = 0;
  struct Both final : EventHandler, Counted {
    Both(int& alive, EventLoop& loop, int& seen) : Counted(alive), loop_(loop), seen_(seen) {}
    void on_events(std::uint32_t) override {
      seen_ += alive_;
      if (!std::exchange(disposed_, true)) loop_.dispose(std::unique_ptr<Disposable>(this));
    }
    EventLoop& loop_;
    int& seen_;
    bool disposed_ = false;
  };
  auto* object = new Both(alive, loop, seen_alive);
  loop.add(a.wait_fd(), EPOLLIN | EPOLLET, *object);
  loop.add(b.wait_fd(), EPOLLIN | EPOLLET, *object);
  a.wake();
  b.wake();
  loop.turn();
  EXPECT_EQ(seen_alive, 2) << "it was alive for both events";
  EXPECT_EQ(alive, 0);
}

TEST_F(EventLoopTest, ADestructorMayDisposeOfMore) {
  int alive = 0;
  struct Chain final : Counted {
    Chain(int& alive, EventLoop& loop, int depth) : Counted(alive), loop_(loop), depth_(depth) {}
    ~Chain() override {
      for (int i = 0; depth_ > 0 && i < 3; ++i) loop_.dispose(std::make_unique<Chain>(alive_, loop_, depth_ - 1));
    }
    EventLoop& loop_;
    int depth_;
  };
  loop.dispose(std::make_unique<Chain>(alive, loop, 4));
  loop.defer(later);
  loop.turn();
  EXPECT_EQ(alive, 0);
}

TEST_F(EventLoopTest, TellsWhenItIsBusy) {
  ipc::LoadClock load{};
  loop.wind(load);
  EXPECT_FALSE(load.read(0).busy);
  loop.add(a.wait_fd(), EPOLLIN | EPOLLET, on_a);
  std::uint64_t before = 0;
  on_a.call = [&](std::uint32_t) {
    EXPECT_TRUE(load.read(ipc::monotonic_ns()).busy);
    before = load.read(loop.now_ns()).busy_ns;
    while (load.read(ipc::monotonic_ns()).busy_ns < before + 1'000'000) {
    }
  };
  a.wake();
  loop.turn();
  loop.defer(later);  // so that the next turn does not wait
  loop.turn();
  EXPECT_GE(load.read(ipc::monotonic_ns()).busy_ns, before + 1'000'000);
}

struct Alarm final : TimerWheel::Entry {
  int calls = 0;
  void on_timer() override { ++calls; }
};

TEST_F(EventLoopTest, WaitsForTimersAndIsNeverEarly) {
  Alarm alarm;
  const auto due = loop.tick_after(10);
  loop.timers().arm(alarm, due);
  int turns = 0;
  for (; alarm.calls == 0; ++turns) loop.turn();
  EXPECT_GE(loop.now_ms(), due);
  EXPECT_LE(turns, 3) << "it waits and does not poll";
}

TEST_F(EventLoopTest, AFarTimerDoesNotMakeItSpin) {
  Alarm far, soon;
  loop.timers().arm(far, UINT64_MAX);
  loop.timers().arm(soon, loop.tick_after(5));
  int turns = 0;
  for (; soon.calls == 0; ++turns) loop.turn();
  EXPECT_LE(turns, 3);
  EXPECT_EQ(far.calls, 0);
}

struct Job final : Posted {
  explicit Job(std::function<void()> work, int* destroyed = nullptr) : call(std::move(work)), gone(destroyed) {}
  ~Job() override {
    if (gone != nullptr) ++*gone;
  }
  void run_posted() override { call(); }
  std::function<void()> call;
  int* gone;
};

// Goal: work that other threads post runs in the loop's thread, all of it, in the order of each thread, and wakes the
// loop. What the threads wrote before they posted is seen without a lock, which the thread sanitizer checks.
TEST_F(EventLoopTest, ThreadsPost) {
  constexpr int kThreads = 4, kJobs = 5000;
  const auto own = std::this_thread::get_id();
  std::array<int, kThreads> next{};
  int strange = 0, ran = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kJobs; ++i) {
        loop.post(std::make_unique<Job>([&, t, number = std::make_shared<int>(i)] {
          ++ran;
          if (std::this_thread::get_id() != own || *number != next[static_cast<std::size_t>(t)]++) ++strange;
        }));
      }
    });
  }
  while (ran < kThreads * kJobs) loop.turn();  // nothing else would end a wait
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ran, kThreads * kJobs);
  EXPECT_EQ(strange, 0);
}

// Goal: a coroutine that waits for a thread continues in the loop's thread, with the thread's result.
TEST_F(EventLoopTest, AThreadResumesACoroutine) {
  struct Offloaded {
    EventLoop& loop;
    std::thread& thread;
    int result = 0;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) {
      thread = std::thread([this, awaiting] {
        result = 42;
        loop.post(std::make_unique<Job>([awaiting] { awaiting.resume(); }));
      });
    }
    int await_resume() const noexcept { return result; }
  };
  std::thread thread;
  int got = 0;
  [](EventLoop& event_loop, std::thread& helper, int& seen) -> Detached {
    seen = co_await Offloaded{event_loop, helper};
  }(loop, thread, got);
  while (got == 0) loop.turn();
  thread.join();
  EXPECT_EQ(got, 42);
}

TEST_F(EventLoopTest, WhatIsPostedMeanwhileRunsInALaterTurn) {
  int ran = 0, destroyed = 0;
  std::function<void()> again = [&] {
    if (++ran < 2) loop.post(std::make_unique<Job>(again, &destroyed));
  };
  loop.post(std::make_unique<Job>(again, &destroyed));
  loop.turn();
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(destroyed, 1);
  loop.turn();
  EXPECT_EQ(ran, 2);
}

TEST(EventLoop, WhatIsPostedAndNeverRanIsDestroyedWithIt) {
  int ran = 0, destroyed = 0;
  {
    EventLoop loop;
    std::thread([&] {
      for (int i = 0; i < 3; ++i) loop.post(std::make_unique<Job>([&] { ++ran; }, &destroyed));
    }).join();
  }
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(destroyed, 3);
}

}  // namespace
}  // namespace prefork::worker
