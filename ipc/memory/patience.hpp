#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "ipc/memory/scoreboard.hpp"
#include "ipc/posix/running_clock.hpp"

namespace prefork::ipc {

/// Limits how long a blocking call waits for another process, in running time: time in which neither process ran does
/// not count (RunningClock). Process: any.
class Patience {
 public:
  explicit Patience(std::chrono::milliseconds limit) noexcept
      : end_(clock_.look(monotonic_ns()) + static_cast<std::uint64_t>(std::max<std::int64_t>(limit.count(), 0)) * kMs) {
  }

  bool is_over() noexcept { return left_ns() == 0; }
  /// The time-out for the next wait: at most half a second, so that little is lost. @return milliseconds, as poll(2)
  /// takes them; 0: the limit is reached
  int slice() noexcept {
    const std::uint64_t wait = std::min(left_ns(), RunningClock::kSlack);
    clock_.allow(wait);
    return static_cast<int>((wait + kMs - 1) / kMs);
  }

 private:
  static constexpr std::uint64_t kMs = 1'000'000;

  std::uint64_t left_ns() noexcept {
    const std::uint64_t now = clock_.look(monotonic_ns());
    return end_ > now ? end_ - now : 0;
  }

  RunningClock clock_;
  std::uint64_t end_;
};

}  // namespace prefork::ipc
