#pragma once

#include <cstddef>
#include <vector>

#include "ipc/objects/party.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::ipc {

/// Wakes one worker from anywhere: a socket pair per worker slot, made by the master. Those that may wake the worker
/// have one end; only the worker has the other. Several wakes before the sleeper looks count as one. Safe in a signal
/// handler.
///
/// It is no eventfd because O_NONBLOCK belongs to the open file that all share: any process could make the others block
/// in a write. A send, however, says by itself that it does not wait. Source: unix(7), send(2) MSG_DONTWAIT.
class Wakeup {
 public:
  /// @throws std::system_error
  static Wakeup create();
  /// Takes the ends that create() made before this process executed another program.
  static Wakeup adopt(UniqueFd ring, UniqueFd wait) noexcept { return Wakeup(std::move(ring), std::move(wait)); }

  /// Blocks: never.
  void wake() const noexcept;
  /// Clears all wakes so far. The sleeper calls it before it looks at what it waits for.
  void clear() const noexcept;
  /// The end that others ring.
  int ring_fd() const noexcept { return ring_.get(); }
  /// The sleeper's end: readable once it has been woken.
  int wait_fd() const noexcept { return wait_.get(); }

 private:
  Wakeup(UniqueFd ring, UniqueFd wait) noexcept : ring_(std::move(ring)), wait_(std::move(wait)) {}
  UniqueFd ring_;
  UniqueFd wait_;
};

/// The wake-ups of all slots.
class Wakeups {
 public:
  /// @throws std::system_error
  static Wakeups create(std::size_t slots);
  /// Takes what create() made before this process executed another program.
  explicit Wakeups(std::vector<Wakeup> wakeups);

  std::size_t slots() const noexcept { return wakeups_.size(); }
  const Wakeup& operator[](std::size_t slot) const { return wakeups_.at(slot); }
  const Bells& bells() const noexcept { return bells_; }
  int wait_fd(std::size_t slot) const { return wakeups_.at(slot).wait_fd(); }

 private:
  std::vector<Wakeup> wakeups_;
  Bells bells_;
};

/// What wake() and clear() do, for callers that have only the descriptor. Block: never, whatever others did to it.
void ring_bell(int ring_fd) noexcept;
void clear_bell(int wait_fd) noexcept;

}  // namespace prefork::ipc
