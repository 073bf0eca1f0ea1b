#pragma once

#include <atomic>
#include <cstdint>

namespace prefork::ipc {

/// A reading of a worker's load clock: how long the worker has been busy since the clock started, and whether it is
/// busy now.
struct LoadReading {
  std::uint64_t busy_ns = 0;
  bool busy = false;
};

/// Measures how long a worker has been busy, that is, not waiting for events. It is one word: the worker writes it
/// whenever a wait begins or ends, and anyone may read it. A busy period counts while it still lasts. While the worker
/// waits, the word holds its busy time; while it is busy, the busy time minus the time at which the period began, so
/// that the reader adds the present time. The lowest bit tells which. All zero is a clock that was never started: it
/// reads as never busy.
class LoadClock {
 public:
  /// Process: the worker. `now_ns` is CLOCK_MONOTONIC.
  void begin_busy(std::uint64_t now_ns) noexcept {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    if ((word & 1) == 0) word_.store((((word >> 1) - now_ns) << 1) | 1, std::memory_order_relaxed);
  }
  void begin_wait(std::uint64_t now_ns) noexcept {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    if ((word & 1) != 0) word_.store(((word >> 1) + now_ns) << 1, std::memory_order_relaxed);
  }
  /// Process: the master, before the worker starts.
  void reset() noexcept { word_.store(0, std::memory_order_relaxed); }

  /// Process: any. A worker may have written nonsense: the caller must bound the difference of two readings.
  LoadReading read(std::uint64_t now_ns) const noexcept {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    const bool busy = (word & 1) != 0;
    return {((word >> 1) + (busy ? now_ns : 0)) & (UINT64_MAX >> 1), busy};
  }

 private:
  std::atomic<std::uint64_t> word_;
};

}  // namespace prefork::ipc
