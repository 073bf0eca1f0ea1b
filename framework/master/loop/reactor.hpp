#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "framework/master/loop/clock.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// What the master waits on: descriptors and one point in time. The master has few of them and little to do, so this is
/// kept simple where the worker's loop is fast.
class Reactor {
 public:
  using Callback = std::function<void(std::uint32_t events)>;

  /// @throws std::system_error
  Reactor();

  /// Level-triggered. @throws std::system_error
  void watch(int fd, std::uint32_t events, Callback callback);
  void change(int fd, std::uint32_t events);
  /// Must be called before the descriptor is closed.
  void forget(int fd) noexcept;

  /// Waits until something is ready or `deadline` has passed, with a deadline at most a second; then calls the
  /// callbacks of what is ready. A callback may forget any descriptor. Blocks.
  void wait(std::optional<TimePoint> deadline);

  /// The longest time between two waits so far: the longest time that a client may have been left without an answer.
  std::chrono::nanoseconds longest_turn() const noexcept { return longest_turn_; }

 private:
  ipc::UniqueFd epoll_;
  std::optional<std::chrono::steady_clock::time_point> awake_since_;
  std::chrono::nanoseconds longest_turn_{0};
  std::map<int, std::shared_ptr<Callback>> callbacks_;
};

}  // namespace prefork::master
