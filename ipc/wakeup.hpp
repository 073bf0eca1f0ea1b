#pragma once

#include "ipc/unique_fd.hpp"

namespace prefork::ipc {

/// Wakes one worker from anywhere: an eventfd per worker slot, made by the master, inherited by all.
/// Waking twice before the sleeper looks is waking once. Safe in a signal handler. Source: eventfd(2).
class Wakeup {
 public:
  /// @throws std::system_error
  static Wakeup create();
  /// Takes an eventfd that create() made before this process executed another program.
  static Wakeup adopt(UniqueFd fd) noexcept { return Wakeup(std::move(fd)); }

  /// Blocks: never.
  void wake() const noexcept;
  /// Takes back all wakes so far. Called by the sleeper, before it looks at what it waits for.
  void clear() const noexcept;
  int fd() const noexcept { return fd_.get(); }

 private:
  explicit Wakeup(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace prefork::ipc
