#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "framework/worker/loop/timer_wheel.hpp"
#include "ipc/memory/scoreboard.hpp"
#include "ipc/posix/running_clock.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::worker {

/// Called by an event loop when a descriptor is ready.
class EventHandler {
 public:
  /// @param events  EPOLLIN and others, epoll_ctl(2)
  virtual void on_events(std::uint32_t events) = 0;

 protected:
  ~EventHandler() = default;
};

/// Called once, after the events that are being handled.
class Deferred {
 public:
  virtual void run_deferred() = 0;

 protected:
  ~Deferred() = default;

 private:
  friend class EventLoop;
  bool queued_ = false;
};

/// Destroyed after the events that are being handled, since one of them may still refer to it.
class Disposable {
 public:
  virtual ~Disposable() = default;
};

/// Work that another thread hands to the loop's thread.
class Posted {
 public:
  virtual ~Posted() = default;
  /// Runs in the loop's thread.
  virtual void run_posted() = 0;
};

/// A worker's event loop: epoll, timers and a clock that is read once per turn. One thread, except for post().
class EventLoop {
 public:
  /// @throws std::system_error
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  /// epoll_ctl(2). The handler must stay until the descriptor is closed or removed, and beyond the end of the turn
  /// (dispose() ensures that). @throws std::system_error
  void add(int fd, std::uint32_t events, EventHandler& handler);
  void modify(int fd, std::uint32_t events, EventHandler& handler);
  void remove(int fd) noexcept;

  /// Runs `deferred` after this turn's events, before the loop waits again; several calls count as one.
  void defer(Deferred& deferred);
  /// Undoes defer(); must be called before `deferred` is destroyed.
  void forget(Deferred& deferred) noexcept;
  void dispose(std::unique_ptr<Disposable> object);
  /// Destroys what was disposed of, which the end of each turn does otherwise: before that is destroyed which its
  /// destructors use.
  void destroy_disposed() noexcept;

  /// Hands `work` to the loop's thread, which runs it among the events of one of the next turns and then destroys it.
  /// Wakes a loop that waits. Work that one thread posts keeps its order. Work that never ran is destroyed with the
  /// loop. Any thread may call it, but no signal handler; it takes a lock for a moment. The loop must outlive the call.
  /// The amount of work that waits has no bound here: the callers must have one.
  /// @throws std::system_error where the first call of all finds no descriptor left
  void post(std::unique_ptr<Posted> work);

  /// From now on the loop records in `clock` when it waits and when it works, which costs one more look at the time per
  /// turn. `clock` must live as long as the loop.
  void wind(ipc::LoadClock& clock) noexcept { load_ = &clock; }

  /// From now on the loop records its waits in `slot` and beats before each piece of work, so that the age of the
  /// heartbeat is the age of the current work. Costs one more look at the time for each piece. `slot` must live as long
  /// as the loop.
  void tell(ipc::WorkerSlot& slot) noexcept { told_ = &slot; }
  /// Records a wait or a piece of work explicitly: for code that waits by itself (BlockingService), and for several
  /// pieces of work within one.
  void begin_wait() noexcept {
    if (told_ != nullptr) told_->begin_wait();
  }
  void begin_work() noexcept {
    if (told_ != nullptr) told_->begin_work(ipc::monotonic_ns());
  }

  /// Waits for events, a timer or a signal, and handles what has come. Blocks.
  void turn();
  /// Reads the clock between turns: for code that blocks by itself (BlockingService).
  /// @param waited_ms  how long the caller was prepared to wait since the last reading
  void refresh_clock(std::uint64_t waited_ms = 0) noexcept;

  TimerWheel& timers() noexcept { return timers_; }
  /// CLOCK_MONOTONIC as of the start of this turn.
  std::uint64_t now_ns() const noexcept { return now_ns_; }
  std::uint64_t now_ms() const noexcept { return now_ns_ / 1'000'000; }
  /// Whether this turn, or one in the last half second, began long after the previous one: clients that have come
  /// meanwhile may have gone.
  bool came_late() const noexcept { return now_ns_ < late_until_ns_; }
  /// The tick `delay_ms` from now, rounded so that it is never early.
  std::uint64_t tick_after(std::uint64_t delay_ms) const noexcept { return (now_ns_ + 999'999) / 1'000'000 + delay_ms; }

  /// The time in which the worker has run (ipc::RunningClock), as of the start of this turn. Time limits of clients and
  /// the master are counted in it: while the worker was stopped nobody could hear them. Timers of services are not.
  std::uint64_t ran_ms() const noexcept { return ran_ns_ / 1'000'000; }
  /// The running time `delay_ms` from now, rounded so that it is never early.
  std::uint64_t ran_after(std::uint64_t delay_ms) const noexcept { return (ran_ns_ + 999'999) / 1'000'000 + delay_ms; }
  /// The running time of a moment of CLOCK_MONOTONIC, rounded up.
  std::uint64_t ran_at(std::uint64_t moment_ns) const noexcept { return (clock_.at(moment_ns) + 999'999) / 1'000'000; }
  /// @return the tick at which ran_ms() will be `ran_ms` if no time is lost until then; if some is, the tick comes too
  /// early
  std::uint64_t tick_at(std::uint64_t ran_ms) const noexcept {
    return ran_ms + (now_ns_ - ran_ns_ + 999'999) / 1'000'000;
  }

 private:
  class Mailbox;

  int wait_ms() noexcept;

  ipc::UniqueFd epoll_;
  std::uint64_t now_ns_;
  ipc::RunningClock clock_;
  std::uint64_t ran_ns_;  ///< of now_ns_
  std::uint64_t late_until_ns_ = 0;
  ipc::LoadClock* load_ = nullptr;
  ipc::WorkerSlot* told_ = nullptr;
  TimerWheel timers_;
  std::vector<Deferred*> deferred_;
  std::vector<Deferred*> running_;
  std::vector<std::unique_ptr<Disposable>> garbage_;
  std::vector<std::unique_ptr<Disposable>> disposing_;
  std::unique_ptr<Mailbox> mailbox_;
};

}  // namespace prefork::worker
