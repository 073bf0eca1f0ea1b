#include <prefork/task.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace prefork {
namespace {

/// Where suspended coroutines wait for the test to resume them.
struct Queue {
  std::deque<std::coroutine_handle<>> waiting;
  auto wait() {
    struct Awaiter {
      Queue& queue;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> handle) { queue.waiting.push_back(handle); }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }
  void run_all() {
    while (!waiting.empty()) {
      const auto handle = waiting.front();
      waiting.pop_front();
      handle.resume();
    }
  }
};

/// Starts a task at the top, where nobody awaits.
template <class T>
std::coroutine_handle<> start(Task<T>& task) {
  const auto nobody = std::noop_coroutine();
  if (!task.await_ready()) task.await_suspend(nobody);
  return nobody;
}

Task<int> give(int value) { co_return value; }
Task<int> give_later(Queue& queue, int value) {
  co_await queue.wait();
  co_return value;
}
Task<std::unique_ptr<std::string>> give_owned(Queue& queue) {
  co_await queue.wait();
  co_return std::make_unique<std::string>("owned");
}
Task<int> fail(Queue* queue) {
  if (queue != nullptr) co_await queue->wait();
  throw std::runtime_error("failed");
}

TEST(Task, StartsOnlyWhenItIsAwaited) {
  bool started = false;
  auto body = [&]() -> Task<void> {
    started = true;
    co_return;
  };
  auto task = body();
  EXPECT_FALSE(started);
  EXPECT_FALSE(task.await_ready());
  start(task);
  EXPECT_TRUE(started);
  EXPECT_TRUE(task.await_ready());
}

TEST(Task, GivesValues) {
  Queue queue;
  int sum = 0;
  auto body = [&]() -> Task<void> {
    sum += co_await give(1);
    sum += co_await give_later(queue, 20);
    const auto text = co_await give_owned(queue);
    if (*text == "owned") sum += 300;
  };
  auto task = body();
  start(task);
  EXPECT_EQ(sum, 1);
  queue.run_all();
  EXPECT_EQ(sum, 321);
}

TEST(Task, DefaultIsFinished) {
  Task<void> task;
  EXPECT_TRUE(task.await_ready());
  task.await_resume();
  bool done = false;
  auto body = [&]() -> Task<void> {
    co_await Task<void>();
    done = true;
  };
  auto outer = body();
  start(outer);
  EXPECT_TRUE(done);
}

TEST(Task, CarriesExceptions) {
  Queue queue;
  std::vector<std::string> caught;
  auto body = [&]() -> Task<void> {
    for (Queue* where : {static_cast<Queue*>(nullptr), &queue}) {
      try {
        co_await fail(where);
      } catch (const std::runtime_error& error) {
        caught.emplace_back(error.what());
      }
    }
  };
  auto task = body();
  start(task);
  EXPECT_EQ(caught.size(), 1U);
  queue.run_all();
  EXPECT_EQ(caught, (std::vector<std::string>{"failed", "failed"}));
}

TEST(Task, AnExceptionPassesThroughLayers) {
  Queue queue;
  std::function<Task<int>(int)> nest = [&](int depth) -> Task<int> {
    if (depth == 0) co_return co_await fail(&queue);
    co_return co_await nest(depth - 1) + 1;
  };
  auto task = nest(20);
  start(task);
  queue.run_all();
  ASSERT_TRUE(task.await_ready());
  EXPECT_THROW(task.await_resume(), std::runtime_error);
}

TEST(Task, DestroyedUnfinishedDestroysItsFrames) {
  Queue queue;
  const auto witness = std::make_shared<int>(1);
  auto inner = [&](std::shared_ptr<int> held) -> Task<void> {
    co_await queue.wait();
    *held = 2;
  };
  auto body = [&](std::shared_ptr<int> held) -> Task<void> { co_await inner(held); };
  {
    auto never_started = body(witness);
    auto waiting = body(witness);
    start(waiting);
    EXPECT_GE(witness.use_count(), 4);
  }
  EXPECT_EQ(witness.use_count(), 1);
  EXPECT_EQ(*witness, 1);
}

TEST(Task, MovingHandsTheCoroutineOver) {
  Queue queue;
  int result = 0;
  auto body = [&]() -> Task<void> { result = co_await give_later(queue, 7); };
  Task<void> first = body();
  start(first);
  Task<void> second = std::move(first);
  EXPECT_TRUE(first.await_ready());  // NOLINT(bugprone-use-after-move): empty is finished
  EXPECT_FALSE(second.await_ready());
  queue.run_all();
  EXPECT_EQ(result, 7);
  EXPECT_TRUE(second.await_ready());
}

std::uintptr_t stack_here() { return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)); }

// Goal: a loop that awaits for a long time uses no more stack at its end than at its beginning.
template <class Step>
void expect_flat_stack(Queue& queue, Step step) {
  constexpr int kSteps = 100'000;
  std::uintptr_t lowest = UINTPTR_MAX, highest = 0;
  int done = 0;
  auto body = [&]() -> Task<void> {
    for (int i = 0; i < kSteps; ++i) {
      done += co_await step(i);
      if (i == 0) continue;  // the first runs on the stack of start()
      lowest = std::min(lowest, stack_here());
      highest = std::max(highest, stack_here());
    }
  };
  auto task = body();
  start(task);
  queue.run_all();
  EXPECT_TRUE(task.await_ready());
  EXPECT_EQ(done, kSteps);
  EXPECT_LT(highest - lowest, 4096U);
}

TEST(Task, ManyAwaitsThatFinishInlineKeepTheStackFlat) {
  Queue queue;
  expect_flat_stack(queue, [](int) { return give(1); });
}

TEST(Task, ManyAwaitsThatSuspendKeepTheStackFlat) {
  Queue queue;
  expect_flat_stack(queue, [&](int) { return give_later(queue, 1); });
}

TEST(Task, ManyMixedAwaitsKeepTheStackFlat) {
  Queue queue;
  expect_flat_stack(queue, [&](int i) { return i % 3 == 0 ? give(1) : give_later(queue, 1); });
}

TEST(FramePool, FramesAreAlignedWritableAndApart) {
  std::vector<std::pair<unsigned char*, std::size_t>> frames;
  std::set<void*> addresses;
  for (std::size_t bytes = 1; bytes < 5000; bytes += 37) {
    auto* frame = static_cast<unsigned char*>(detail::allocate_frame(bytes));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame) % __STDCPP_DEFAULT_NEW_ALIGNMENT__, 0U);
    EXPECT_TRUE(addresses.insert(frame).second);
    std::fill_n(frame, bytes, static_cast<unsigned char>(bytes));
    frames.emplace_back(frame, bytes);
  }
  for (const auto& [frame, bytes] : frames) {
    for (std::size_t i = 0; i < bytes; ++i) ASSERT_EQ(frame[i], static_cast<unsigned char>(bytes));
    detail::free_frame(frame, bytes);
  }
}

#if !defined(__SANITIZE_ADDRESS__)
TEST(FramePool, TheLastFreedIsTheNextGiven) {
  void* first = detail::allocate_frame(100);
  detail::free_frame(first, 100);
  void* second = detail::allocate_frame(128);  // of the same class of sizes
  EXPECT_EQ(second, first);
  detail::free_frame(second, 128);
}
#endif

TEST(FramePool, ABurstIsGivenBackWithoutHarm) {
  std::vector<void*> frames;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i) frames.push_back(detail::allocate_frame(200));
    EXPECT_EQ(std::set<void*>(frames.begin(), frames.end()).size(), 1000U);
    for (void* frame : frames) detail::free_frame(frame, 200);
    frames.clear();
  }
}

}  // namespace
}  // namespace prefork
