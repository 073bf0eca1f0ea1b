#pragma once

#include <cstdint>

#include "ipc/objects/waiting_set.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::ipc {

/// In place of a time (CLOCK_MONOTONIC in nanoseconds): never.
constexpr std::uint64_t kNoDeadline = UINT64_MAX;

/// How often a waiting thread tries before it sleeps: more while that helps, less while it does not. Now and then it
/// tries for long, since otherwise two threads that wait for each other would both keep sleeping. Zero on a machine
/// with one CPU, where nothing can change meanwhile.
class SpinBudget {
 public:
  SpinBudget() noexcept;
  unsigned tries() const noexcept { return tries_; }
  void helped() noexcept;
  void did_not_help() noexcept;
  /// Lets about 50 ns pass.
  static void pause() noexcept;

 private:
  unsigned most_;
  unsigned tries_;
  unsigned failures_ = 0;
};

/// Sleeps until its bell rings. One per thread that blocks.
class Sleeper {
 public:
  virtual ~Sleeper() = default;
  /// Sleeps until the bell has rung since the last call or until `deadline_ns` (CLOCK_MONOTONIC); may also return
  /// without a reason. @return false: the caller must stop waiting although the deadline has not passed (the worker
  /// ends)
  virtual bool sleep(std::uint64_t deadline_ns) = 0;

  SpinBudget spin;
};

/// Waits for the bell alone. Edge-triggered: a bell that others have shut down rings once and never again. Source:
/// epoll(7)
class BellSleeper final : public Sleeper {
 public:
  /// @param bell_fd  Wakeup::wait_fd(); it stays the caller's. @throws std::system_error
  explicit BellSleeper(int bell_fd);
  bool sleep(std::uint64_t deadline_ns) override;

 private:
  int bell_fd_;
  UniqueFd epoll_;
};

/// CLOCK_MONOTONIC.
std::uint64_t sleeper_clock_ns() noexcept;

enum class WaitEnd : std::uint8_t { done, timed_out, interrupted };

/// Tries until it succeeds: spins for some microseconds, then sleeps. Blocks until then or until the deadline.
/// @param attempt  called repeatedly; true: done. If it returns false it must have left nothing half-done.
template <class Attempt>
WaitEnd wait_for(const WaitingSet& waiting, const Party& self, Sleeper& sleeper, std::uint64_t deadline_ns,
                 Attempt attempt) {
  if (attempt()) return WaitEnd::done;
  for (unsigned i = sleeper.spin.tries(); i > 0; --i) {
    SpinBudget::pause();
    if (attempt()) {
      sleeper.spin.helped();
      return WaitEnd::done;
    }
  }
  sleeper.spin.did_not_help();
  const std::size_t slot = slot_of(self.owner);
  for (;;) {
    waiting.announce(slot);
    WaitEnd end = WaitEnd::done;
    const bool done = attempt();
    if (!done) {
      if (sleeper_clock_ns() >= deadline_ns) {
        end = WaitEnd::timed_out;
      } else if (sleeper.sleep(deadline_ns)) {
        continue;
      } else {
        end = WaitEnd::interrupted;
      }
    }
    if (!waiting.retract(slot)) waiting.wake_one(*self.bells, slot);
    return end;
  }
}

}  // namespace prefork::ipc
