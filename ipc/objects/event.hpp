#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "ipc/objects/sleeper.hpp"
#include "ipc/objects/waiting_set.hpp"

namespace prefork::ipc {

/// A flag in shared memory that anyone may set, clear and wait for. It is one word, [times set:63 | set:1], which
/// nobody holds: a death leaves nothing behind. A waiter goes on once the flag has been set, even if it is cleared at
/// once. A view: each process attaches its own.
class Event {
 public:
  struct Shape {};
  static void check(const Shape&) {}
  static std::size_t bytes(const Shape&, std::size_t slots) { return WaitingSet::bytes(slots) + 64; }
  static void format(void*, const Shape&, std::size_t) {}

  Event(void* memory, const Shape& shape, std::size_t slots, Party self) noexcept;

  /// Sets the flag and wakes all waiters. @return false: it was already set
  bool set() noexcept;
  /// @return false: it was not set
  bool clear() noexcept;
  bool is_set() const noexcept { return (word_->load() & 1) != 0; }

  /// How often it has been set. Read it before a wait, so that a flag that was set and cleared meanwhile is noticed.
  std::uint64_t times_set() const noexcept { return word_->load() >> 1; }
  bool set_since(std::uint64_t times) const noexcept { return is_set() || times_set() != times; }

  /// Blocks until the flag is set, or was set for a moment. @return false: the deadline has passed
  bool wait(Sleeper& sleeper, std::uint64_t wait_until_ns);

  const WaitingSet& waiting() const noexcept { return waiting_; }
  std::size_t repair(Owner) noexcept { return 0; }

 private:
  WaitingSet waiting_;
  std::atomic<std::uint64_t>* word_;
  Party self_;
};

}  // namespace prefork::ipc
