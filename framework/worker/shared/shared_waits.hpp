#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <vector>

#include "framework/worker/loop/event_loop.hpp"
#include "framework/worker/loop/intrusive_list.hpp"
#include "framework/worker/loop/timer_wheel.hpp"
#include "ipc/memory/scoreboard.hpp"
#include "ipc/objects/party.hpp"
#include "ipc/objects/sleeper.hpp"
#include "ipc/objects/waiting_set.hpp"

#include <prefork/forever.hpp>
#include <prefork/outcome.hpp>
#include <prefork/task.hpp>

namespace prefork::worker {

struct Runtime;

/// How long a wait on a shared object may last.
struct WaitLimits {
  std::chrono::milliseconds timeout = kForever;
  bool ends_with_drain = false;  ///< a wait for ever ends when the worker begins to drain
};

/// For whom the wait was.
constexpr Reason reason_of(ipc::WaitEnd end) noexcept {
  switch (end) {
    case ipc::WaitEnd::done:
      return Reason::done;
    case ipc::WaitEnd::timed_out:
      return Reason::timed_out;
    default:
      return Reason::draining;
  }
}

/// The coroutines of one worker that wait on shared objects. To the others the worker is one sleeper: it has one bit in
/// each object's waiting set, however many of its coroutines wait there.
class SharedWaits final : private Deferred {
 public:
  SharedWaits(Runtime& runtime, ipc::Party self);
  SharedWaits(const SharedWaits&) = delete;
  SharedWaits& operator=(const SharedWaits&) = delete;
  ~SharedWaits();

  const ipc::Party& self() const noexcept { return self_; }
  Runtime& runtime() const noexcept { return runtime_; }

  /// Waits until `attempt` returns true. It is tried at once, and then each time the object wakes this worker. If it
  /// returns false it must have left nothing half-done.
  template <class Attempt>
  Task<ipc::WaitEnd> until(ipc::WaitingSet set, WaitLimits limits, Attempt attempt) {
    if (attempt()) co_return ipc::WaitEnd::done;
    Waiter waiter(*this, set, limits);
    for (;;) {
      waiter.announce();
      if (attempt()) co_return ipc::WaitEnd::done;
      if (waiter.timed_out()) co_return ipc::WaitEnd::timed_out;
      if (waiter.interrupted()) co_return ipc::WaitEnd::interrupted;
      co_await waiter;
    }
  }

  /// The worker's bell has rung: the waiters whose object chose this worker try again, after the events of this turn.
  void on_bell();
  /// All waiters try again, once a second, in case a wake-up was spent on a stopped process.
  void recheck();
  /// The worker begins to drain.
  void on_drain();

 private:
  class Waiter;

  /// The waiters of one waiting set. Kept for the worker's life: there are only as many as objects.
  struct Group {
    ipc::WaitingSet set;
    List<Waiter> sleeping;
    unsigned members = 0;
  };

  class Waiter final : public ListHook<Waiter>, private TimerWheel::Entry {
   public:
    Waiter(SharedWaits& waits, const ipc::WaitingSet& set, WaitLimits limits);
    ~Waiter();

    void announce() noexcept;
    bool timed_out() const noexcept { return timed_out_; }
    bool interrupted() const noexcept { return interrupted_; }

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) noexcept { awaiting_ = awaiting; }
    void await_resume() const noexcept {}

   private:
    friend class SharedWaits;
    void on_timer() override;

    SharedWaits& waits_;
    Group& group_;
    std::coroutine_handle<> awaiting_;
    std::uint64_t age_;
    ipc::Activity activity_;  ///< what was being served when the wait began; it is recorded again when the wait ends
    bool ends_with_drain_;
    bool timed_out_ = false;
    bool interrupted_ = false;
  };

  Group& group(const ipc::WaitingSet& set);
  void rouse(Group& group);
  void rouse(Waiter& waiter);
  void run_deferred() override;

  Runtime& runtime_;
  ipc::Party self_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::uint64_t waits_begun_ = 0;
  List<Waiter> ready_;
};

}  // namespace prefork::worker
