#pragma once

#include <atomic>
#include <cstdint>

namespace prefork::ipc {

/// What a worker's load clock says: how long it has been busy since it began to tell, and whether it is so now.
struct LoadReading {
  std::uint64_t busy_ns = 0;
  bool busy = false;
};

/// How long a worker has been busy, that is: not waiting for events. One word, which the worker writes whenever it
/// begins and ends to wait, and anyone reads: what has begun counts before it has ended. While the worker waits the
/// word has the time that it was busy; while it is busy that time less the present, so that the reader adds the
/// present. The lowest bit says which. All zero: a clock that nobody winds, of a worker that is never busy.
class LoadClock {
 public:
  /// Process: the worker. `now_ns`: CLOCK_MONOTONIC
  void begin_busy(std::uint64_t now_ns) noexcept {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    if ((word & 1) == 0) word_.store((((word >> 1) - now_ns) << 1) | 1, std::memory_order_relaxed);
  }
  void begin_wait(std::uint64_t now_ns) noexcept {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    if ((word & 1) != 0) word_.store(((word >> 1) + now_ns) << 1, std::memory_order_relaxed);
  }
  /// Process: the master, before the worker is there.
  void reset() noexcept { word_.store(0, std::memory_order_relaxed); }

  /// Process: any. What a worker has written may be nonsense: the differences of two readings are to be bounded.
  LoadReading read(std::uint64_t now_ns) const noexcept {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    const bool busy = (word & 1) != 0;
    return {((word >> 1) + (busy ? now_ns : 0)) & (UINT64_MAX >> 1), busy};
  }

 private:
  std::atomic<std::uint64_t> word_;
};

}  // namespace prefork::ipc
