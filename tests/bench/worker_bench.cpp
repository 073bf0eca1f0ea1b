// What a worker does besides handling a request: timers, counters, coroutines, a turn of the event loop.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <benchmark/benchmark.h>

#include <coroutine>
#include <cstdint>
#include <memory>
#include <vector>

#include "framework/worker/loop/event_loop.hpp"
#include "framework/worker/loop/timer_wheel.hpp"
#include "ipc/memory/scoreboard.hpp"
#include "ipc/posix/syscall.hpp"

#include <prefork/task.hpp>

namespace prefork::worker {
namespace {

struct Deadline final : TimerWheel::Entry {
  std::uint64_t fired = 0;
  void on_timer() override { ++fired; }
};

// A keep-alive connection: its deadline is put off with every request, among those of many others.
void timer_rearm(benchmark::State& bench) {
  const auto count = static_cast<std::size_t>(bench.range(0));
  TimerWheel wheel(0);
  const auto deadlines = std::make_unique<Deadline[]>(count);
  for (std::size_t i = 0; i < count; ++i) wheel.arm(deadlines[i], 75'000 + i % 1000);
  std::size_t at = 0;
  for (auto _ : bench) {
    wheel.arm(deadlines[at], 76'000 + at % 1000);
    at = at + 1 == count ? 0 : at + 1;
  }
}
BENCHMARK(timer_rearm)->Arg(1)->Arg(64)->Arg(10'000);

void timer_arm_disarm(benchmark::State& bench) {
  TimerWheel wheel(0);
  Deadline deadline;
  for (auto _ : bench) {
    wheel.arm(deadline, 30'000);
    deadline.disarm();
    benchmark::ClobberMemory();
  }
}
BENCHMARK(timer_arm_disarm);

// One tick with nothing due, 10,000 deadlines far away: what an idle worker pays.
void timer_advance_nothing_due(benchmark::State& bench) {
  TimerWheel wheel(0);
  const auto deadlines = std::make_unique<Deadline[]>(10'000);
  constexpr std::uint64_t kFarAway = std::uint64_t{1} << 34;
  for (std::size_t i = 0; i < 10'000; ++i) wheel.arm(deadlines[i], kFarAway + i);
  std::uint64_t now = 0;
  for (auto _ : bench) wheel.advance(++now);
}
BENCHMARK(timer_advance_nothing_due);

// One tick that fires one timer, which was armed 100 ms before: the cost of moving between levels is in it.
void timer_arm_to_fire(benchmark::State& bench) {
  TimerWheel wheel(0);
  const auto deadlines = std::make_unique<Deadline[]>(128);
  std::uint64_t now = 0;
  for (auto _ : bench) {
    wheel.advance(++now);
    wheel.arm(deadlines[now % 128], now + 100);
  }
  if (now > 1000 && deadlines[0].fired == 0) bench.SkipWithError("nothing fired");
}
BENCHMARK(timer_arm_to_fire);

void counter_add(benchmark::State& bench) {
  ipc::Scoreboard scoreboard = ipc::Scoreboard::create(1);
  scoreboard.assign(0);
  ipc::WorkerSlot& slot = scoreboard.slot(0);
  for (auto _ : bench) {
    slot.add(ipc::Counter::requests);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(counter_add);

void begin_and_end_activity(benchmark::State& bench) {
  ipc::Scoreboard scoreboard = ipc::Scoreboard::create(1);
  scoreboard.assign(0);
  ipc::WorkerSlot& slot = scoreboard.slot(0);
  for (auto _ : bench) {
    slot.begin_activity(ipc::ActivityKind::request, 0, 1, "GET /hello HTTP/1.1");
    slot.end_activity();
    benchmark::ClobberMemory();
  }
}
BENCHMARK(begin_and_end_activity);

Task<int> give(int value) { co_return value; }

Task<void> await_many(benchmark::State& bench) {
  for (auto _ : bench) benchmark::DoNotOptimize(co_await give(1));
}

// A child that ends without waiting: call, frame from the free list, value, frame back.
void task_inline(benchmark::State& bench) {
  Task<void> task = await_many(bench);
  task.await_suspend(std::noop_coroutine());
}
BENCHMARK(task_inline);

struct Parking {
  std::coroutine_handle<> parked;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) noexcept { parked = handle; }
  void await_resume() const noexcept {}
};

Task<int> give_later(Parking& parking) {
  co_await parking;
  co_return 1;
}

Task<void> await_for_ever(Parking& parking, std::uint64_t& awaited) {
  for (;;) awaited += static_cast<std::uint64_t>(co_await give_later(parking));
}

// A child that suspends and is resumed from outside, as by the event loop; it resumes its parent.
void task_suspended(benchmark::State& bench) {
  Parking parking;
  std::uint64_t awaited = 0;
  Task<void> task = await_for_ever(parking, awaited);
  task.await_suspend(std::noop_coroutine());
  for (auto _ : bench) parking.parked.resume();
  if (awaited != static_cast<std::uint64_t>(bench.iterations())) bench.SkipWithError("not every round trip was made");
}
BENCHMARK(task_suspended);

struct Bell final : EventHandler {
  explicit Bell(int descriptor) noexcept : fd(descriptor) {}
  int fd;
  std::uint64_t rung = 0;
  void on_events(std::uint32_t) override {
    std::uint64_t count = 0;
    if (::read(fd, &count, sizeof count) == sizeof count) rung += count;
  }
};

// A wake-up through an eventfd: write, epoll_wait, read; three system calls and the loop around them.
void event_loop_turn(benchmark::State& bench) {
  EventLoop loop;
  const ipc::UniqueFd fd(ipc::check_syscall(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd"));
  Bell bell(fd.get());
  loop.add(fd.get(), EPOLLIN | EPOLLET, bell);
  const std::uint64_t one = 1;
  for (auto _ : bench) {
    if (::write(fd.get(), &one, sizeof one) != sizeof one) bench.SkipWithError("write");
    loop.turn();
  }
  if (bell.rung != static_cast<std::uint64_t>(bench.iterations())) bench.SkipWithError("a wake-up was lost");
}
BENCHMARK(event_loop_turn);

// The same three system calls by themselves: what is left of event_loop_turn is the loop's.
void bare_epoll_turn(benchmark::State& bench) {
  const ipc::UniqueFd epoll(ipc::check_syscall(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
  const ipc::UniqueFd fd(ipc::check_syscall(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd"));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  ipc::check_syscall(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd.get(), &event), "epoll_ctl");
  std::uint64_t count = 1;
  for (auto _ : bench) {
    if (::write(fd.get(), &count, sizeof count) != sizeof count) bench.SkipWithError("write");
    if (::epoll_wait(epoll.get(), &event, 1, -1) != 1) bench.SkipWithError("epoll_wait");
    if (::read(fd.get(), &count, sizeof count) != sizeof count) bench.SkipWithError("read");
  }
}
BENCHMARK(bare_epoll_turn);

}  // namespace
}  // namespace prefork::worker
