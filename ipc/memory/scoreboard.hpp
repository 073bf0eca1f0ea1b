#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ipc/memory/load_clock.hpp"
#include "ipc/memory/shared_memory.hpp"

/// What workers tell of themselves, in shared memory. Each worker has a slot of its own, which no other worker maps:
/// what the master judges and shows of it stands there. What the workers of a pool need to know of each other, to share
/// connections evenly, stands in the pool's seats, which all of them may write. The master trusts nothing in either: it
/// keeps pids, pools and states of its own, and takes from here only numbers and bounded text to show.
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

/// The worker's own word on whether it accepts; empty: the seat has no worker.
enum class SeatState : std::uint8_t {
  empty,
  starting,
  accepting,
  draining,
  closed,  ///< draining, and its listeners are closed
};

enum class ActivityKind : std::uint8_t { none, starting, stopping, connection, datagram, request, timer };

/// What a worker is serving, as a copy.
struct Activity {
  ActivityKind kind = ActivityKind::none;
  std::uint8_t service = 0;    ///< index of the service in the configuration
  std::uint64_t since_ns = 0;  ///< CLOCK_MONOTONIC
  /// connection, datagram: a socket address of kActivityAddress bytes; request: the same and, behind it, method and
  /// target. Any bytes.
  std::string text;
};
constexpr std::size_t kActivityAddress = 28;  ///< sizeof(sockaddr_in6)

/// One worker's slot. Loads and stores are relaxed: each word stands for itself.
struct alignas(64) WorkerSlot {
  static constexpr std::size_t kActivityText = 160;

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

  /// The text may be given in two parts.
  void begin_activity(ActivityKind kind, std::uint8_t service, std::uint64_t now_ns, std::string_view text,
                      std::string_view more = {}) noexcept;
  void end_activity() noexcept { activity_kind.store(ActivityKind::none, std::memory_order_relaxed); }
  Activity activity() const;
};
static_assert(sizeof(WorkerSlot) == 384);

/// The slots of all workers, as the master has them. A slot's memory is made for each worker anew: what a dead one left
/// behind (a process that it started) reaches no successor's.
class Scoreboard {
 public:
  /// `slots`: 1 to 65535, all of them empty.
  static Scoreboard create(std::size_t slots) { return Scoreboard(slots); }

  std::size_t slots() const noexcept { return memory_.size(); }
  /// The slot has a worker; else a bug.
  WorkerSlot& slot(std::size_t index) const noexcept;
  /// Of a slot that has a worker: its memory, for map_slot().
  int fd(std::size_t index) const noexcept;

  /// The counters of one worker; of an empty slot, zeros.
  CounterValues counters(std::size_t index) const noexcept;

  /// Makes a slot's memory for its next worker. @throws std::system_error: no descriptors, no memory
  void assign(std::size_t index);
  /// Takes a slot that assign() made before this process executed another program (upgrade).
  /// @throws std::runtime_error: not of a slot's size; std::system_error
  void adopt(std::size_t index, UniqueFd memory);
  void clear(std::size_t index) noexcept;

 private:
  explicit Scoreboard(std::size_t slots);

  std::vector<std::optional<SharedMemory>> memory_;
};

/// A worker's own slot, in the worker. @throws as Scoreboard::adopt()
SharedMemory map_slot(UniqueFd memory);
WorkerSlot& slot_in(const SharedMemory& memory) noexcept;

/// What a worker's siblings know of it when they decide whether to accept.
struct Seat {
  std::atomic<std::uint64_t> heartbeat_ns;  ///< CLOCK_MONOTONIC
  std::atomic<std::uint32_t> connections;
  std::atomic<SeatState> state;
};
static_assert(sizeof(Seat) == 16);

/// The seats of a pool, one for each slot of the scoreboard.
class Seats {
 public:
  /// Process: master. @throws std::system_error
  static Seats create(std::size_t slots);
  /// Process: a worker of the pool, or a master that goes on with it. @throws std::runtime_error: not of this size;
  /// std::system_error
  static Seats map(UniqueFd memory, std::size_t slots);

  std::size_t slots() const noexcept { return slots_; }
  int fd() const noexcept { return memory_.fd(); }
  void keep_mapping_only() noexcept { memory_.keep_mapping_only(); }
  /// `index` is less than slots(); else a bug.
  Seat& operator[](std::size_t index) const noexcept;
  /// For the next worker, or for none. Process: master.
  void clear(std::size_t index, SeatState state) const noexcept;

 private:
  Seats(SharedMemory memory, std::size_t slots) noexcept : memory_(std::move(memory)), slots_(slots) {}

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
