#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <prefork/api.hpp>
#include <prefork/forever.hpp>
#include <prefork/outcome.hpp>
#include <prefork/task.hpp>

namespace prefork {

class Semaphore;

/// A permit that this worker holds; it is released when the object is destroyed. If the worker dies, the master
/// releases it within milliseconds.
class PREFORK_API Permit {
 public:
  Permit(Permit&& other) noexcept
      : semaphore_(std::exchange(other.semaphore_, nullptr)),
        word_(other.word_),
        index_(other.index_),
        owner_died_(other.owner_died_) {}
  Permit& operator=(Permit&& other) noexcept;
  ~Permit() { release(); }

  /// Releases the permit early. May be called repeatedly.
  void release() noexcept;
  /// Whether the last holder died while holding it: what it guards may be half-changed. Only the first holder after
  /// that gets true.
  bool owner_died() const noexcept { return owner_died_; }

 private:
  friend class Semaphore;
  Permit() noexcept = default;

  Semaphore* semaphore_ = nullptr;
  std::uint64_t word_ = 0;
  std::uint32_t index_ = 0;
  bool owner_died_ = false;
};

/// A number of permits shared by all workers: `Manifest::semaphore` declares it, `Context::semaphore` returns it. Not
/// fair: the first to come when a permit is free gets it. Each coroutine holds its own permit. docs/ipc.md
class PREFORK_API Semaphore {
 public:
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  [[nodiscard]] Outcome<Permit> acquire_nowait() noexcept;
  /// Without a permit: `timed_out`. A wait without a time-out goes on while the worker drains.
  Task<Outcome<Permit>> acquire(std::chrono::milliseconds timeout = kForever);
  /// Without a permit: `timed_out` or, without a time-out, `draining`.
  [[nodiscard]] Outcome<Permit> acquire_blocking(std::chrono::milliseconds timeout = kForever);

  /// How many permits are free now.
  std::size_t value() const noexcept;
  std::size_t permits() const noexcept;

 protected:
  Semaphore() = default;
  ~Semaphore() = default;

 private:
  Permit permit(std::uint32_t index, std::uint64_t word, bool owner_died) noexcept;
};

/// A mutex is a semaphore of one permit: `Manifest::mutex`, `Context::mutex`. It belongs to the coroutine
/// that locked it; locking it twice in one is waiting for ever.
///
///     if (auto lock = co_await context.mutex("ledger").lock(1s)) {
///       if (lock->owner_died()) mend();
///     }
class PREFORK_API Mutex {
 public:
  using Lock = Permit;

  explicit Mutex(Semaphore& of_one) noexcept : semaphore_(of_one) {}

  [[nodiscard]] Outcome<Lock> lock_nowait() noexcept { return semaphore_.acquire_nowait(); }
  Task<Outcome<Lock>> lock(std::chrono::milliseconds timeout = kForever) { return semaphore_.acquire(timeout); }
  [[nodiscard]] Outcome<Lock> lock_blocking(std::chrono::milliseconds timeout = kForever) {
    return semaphore_.acquire_blocking(timeout);
  }
  bool locked() const noexcept { return semaphore_.value() == 0; }

 private:
  Semaphore& semaphore_;
};

}  // namespace prefork
