#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "ipc/load_clock.hpp"
#include "ipc/shared_memory.hpp"

/// The scoreboard: one slot of shared memory per worker, written by that worker alone, read by the
/// master and by its siblings. The master trusts nothing in it: it keeps pids, pools and states of its
/// own, and takes from here only numbers and bounded text to show.
namespace prefork::ipc {

/// What is counted for each worker. Never goes down: the master folds a dead worker's numbers into
/// totals of its own.
enum class Counter : std::uint8_t {
  accepted,
  requests,
  datagrams,
  bytes_in,
  bytes_out,
  replies_dropped,  ///< datagrams that the kernel did not take
  log_lines_dropped,
  accept_pauses,   ///< times a listener was disarmed: too large a share, or no descriptors
  handler_errors,  ///< exceptions out of a service
  timeouts,        ///< connections closed by a deadline
  access_lines_dropped,
};
constexpr std::size_t kCounters = 11;
using CounterValues = std::array<std::uint64_t, kCounters>;
std::string_view counter_name(Counter counter) noexcept;

/// The worker's own word on what it does; empty: the slot has no worker.
enum class SlotState : std::uint8_t { empty, starting, idle, busy, draining };

enum class ActivityKind : std::uint8_t { none, starting, stopping, connection, datagram, request, timer };

/// What a worker is serving, as a copy.
struct Activity {
  ActivityKind kind = ActivityKind::none;
  std::uint8_t service = 0;    ///< index of the service in the configuration
  std::uint64_t since_ns = 0;  ///< CLOCK_MONOTONIC
  std::string text;            ///< a request line or an address; any bytes
};

/// One worker's slot. Loads and stores are relaxed: each word stands for itself.
struct alignas(64) WorkerSlot {
  static constexpr std::size_t kActivityText = 160;

  // First line: what siblings read when they decide whether to accept.
  std::atomic<std::uint32_t> pool;  ///< written by the master before the fork
  std::atomic<SlotState> state;
  std::atomic<std::uint32_t> connections;
  std::atomic<std::uint32_t> resting;       ///< of them: wait for a next request, which may never come
  std::atomic<std::uint64_t> heartbeat_ns;  ///< the last sign of life, CLOCK_MONOTONIC
  std::atomic<bool> full;   ///< it takes no connection more for now: at its limit, or a blocking service serves one
  std::atomic<bool> waits;  ///< it sleeps until something comes; told in pools with a request-timeout only

  alignas(64) std::array<std::atomic<std::uint64_t>, kCounters> counters;
  LoadClock load;  ///< wound in pools of MIN..MAX only

  // The activity. A reader may see it torn: it is for people.
  alignas(64) std::atomic<std::uint64_t> activity_since_ns;
  std::atomic<ActivityKind> activity_kind;
  std::atomic<std::uint8_t> activity_service;
  std::atomic<std::uint16_t> activity_length;
  char activity_text[kActivityText];

  void add(Counter counter, std::uint64_t n = 1) noexcept {
    auto& value = counters[static_cast<std::size_t>(counter)];
    value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }

  /// A sign of life. Whoever reads the activity or `waits` first reads a heartbeat that is at least as new.
  void beat(std::uint64_t now_ns) noexcept {
    heartbeat_ns.store(now_ns, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
  }
  void begin_wait() noexcept { waits.store(true, std::memory_order_relaxed); }
  void begin_work(std::uint64_t now_ns) noexcept {
    beat(now_ns);
    waits.store(false, std::memory_order_relaxed);
  }

  void begin_activity(ActivityKind kind, std::uint8_t service, std::uint64_t now_ns, std::string_view text) noexcept;
  void end_activity() noexcept { activity_kind.store(ActivityKind::none, std::memory_order_relaxed); }
  Activity activity() const;
};
static_assert(sizeof(WorkerSlot) == 384);

class Scoreboard {
 public:
  /// Makes a scoreboard of `slots` (1 to 65535) empty slots. Process: master. @throws std::system_error
  static Scoreboard create(std::size_t slots);
  /// Maps a scoreboard that create() made in this process before it executed another program (upgrade).
  /// Process: master. @throws std::runtime_error: it is of another layout; std::system_error
  static Scoreboard adopt(UniqueFd fd);

  std::size_t slots() const noexcept { return slots_; }
  /// `index` is less than slots(); else a bug.
  WorkerSlot& slot(std::size_t index) const noexcept;

  /// The counters of one worker. Process: any.
  CounterValues counters(std::size_t index) const noexcept;

  /// Empties a slot for its next worker, in `pool`. Process: master, when the slot has no worker.
  void assign(std::size_t index, std::uint32_t pool) const noexcept;
  void clear(std::size_t index) const noexcept;

  int fd() const noexcept { return memory_.fd(); }

 private:
  explicit Scoreboard(SharedMemory memory, std::size_t slots) noexcept;

  SharedMemory memory_;
  std::size_t slots_;
};

/// Stops at the greatest number: a worker that wrote nonsense must not make a total go back.
inline void accumulate(CounterValues& sum, const CounterValues& more) noexcept {
  for (std::size_t i = 0; i < kCounters; ++i) sum[i] = more[i] > UINT64_MAX - sum[i] ? UINT64_MAX : sum[i] + more[i];
}

/// CLOCK_MONOTONIC in nanoseconds.
std::uint64_t monotonic_ns() noexcept;

}  // namespace prefork::ipc
