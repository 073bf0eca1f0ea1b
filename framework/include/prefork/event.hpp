#pragma once

#include <chrono>
#include <cstddef>

#include <prefork/api.hpp>
#include <prefork/forever.hpp>
#include <prefork/outcome.hpp>
#include <prefork/task.hpp>

namespace prefork {

/// A flag for all workers: `Manifest::event` declares it, `Context::event` returns it. Nobody holds it, so no death
/// changes it. docs/ipc.md
class PREFORK_API Event {
 public:
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  /// Wakes all waiters; they continue even if it is cleared at once. @return false: it was already set
  bool set() noexcept;
  /// @return false: it was not set
  bool clear() noexcept;
  bool is_set() const noexcept;

  /// True: it was set. Else `timed_out` or, without a time-out, `draining`.
  Task<Outcome<void>> wait(std::chrono::milliseconds timeout = kForever);
  Outcome<void> wait_blocking(std::chrono::milliseconds timeout = kForever);

 protected:
  Event() = default;
  ~Event() = default;
};

/// A place where a number of parties wait for each other: `Manifest::barrier` declares it, `Context::barrier` returns
/// it. When the last one arrives, all continue, and the barrier is ready for the next round. A party that dies while it
/// waits has not arrived: the others wait for another in its place. docs/ipc.md
class PREFORK_API Barrier {
 public:
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;

  /// Arrives, and waits for the others. True: all have arrived. Else `timed_out` or, without a time-out,
  /// `draining`; the arrival has been withdrawn.
  Task<Outcome<void>> wait(std::chrono::milliseconds timeout = kForever);
  Outcome<void> wait_blocking(std::chrono::milliseconds timeout = kForever);

  std::size_t parties() const noexcept;
  /// How many have arrived and are waiting.
  std::size_t arrived() const noexcept;

 protected:
  Barrier() = default;
  ~Barrier() = default;
};

}  // namespace prefork
