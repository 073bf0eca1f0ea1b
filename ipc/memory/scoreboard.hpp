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

/// What workers report about themselves, in shared memory. Each worker has a slot of its own, which no other worker
/// maps; the master judges and shows the worker by it. What the workers of a pool must know about each other to share
/// connections evenly is in the pool's seats, which all of them may write. The master trusts neither: it keeps pids,
/// pools and states of its own, and takes from here only numbers and bounded text for display.
namespace prefork::ipc {

/// What is counted for each worker. A counter never goes down: the master adds a dead worker's numbers to its own
/// totals.
enum class Counter : std::uint8_t {
  accepted,
  requests,
  datagrams,
  bytes_in,
  bytes_out,
  replies_dropped,  ///< datagrams that the kernel did not take
  log_lines_dropped,
  accept_pauses,   ///< times a listener was disarmed: the worker's share was too large, or it had no descriptors left
  handler_errors,  ///< exceptions thrown by a service
  timeouts,        ///< connections closed by a deadline
  access_lines_dropped,
};
constexpr std::size_t kCounters = 11;
using CounterValues = std::array<std::uint64_t, kCounters>;
std::string_view counter_name(Counter counter) noexcept;

/// The worker's own statement of whether it accepts; empty: the seat has no worker.
enum class SeatState : std::uint8_t {
  empty,
  starting,
  accepting,
  draining,
  closed,  ///< draining, and its listeners are closed
};

enum class ActivityKind : std::uint8_t { none, starting, stopping, connection, datagram, request, timer };

/// A copy of what a worker is serving.
struct Activity {
  ActivityKind kind = ActivityKind::none;
  std::uint8_t service = 0;    ///< index of the service in the configuration
  std::uint64_t since_ns = 0;  ///< CLOCK_MONOTONIC
  /// connection, datagram: a socket address of kActivityAddress bytes; request: the same, followed by method and
  /// target. May hold any bytes.
  std::string text;
};
constexpr std::size_t kActivityAddress = 28;  ///< sizeof(sockaddr_in6)

/// One worker's slot. Loads and stores are relaxed: each word is independent of the others.
struct alignas(64) WorkerSlot {
  static constexpr std::size_t kActivityText = 160;

  std::atomic<std::uint32_t> connections;
  std::atomic<std::uint32_t> resting;  ///< connections among them that wait for a next request, which may never come
  std::atomic<std::uint64_t> heartbeat_ns;  ///< the last heartbeat, CLOCK_MONOTONIC
  std::atomic<bool> full;   ///< it takes no more connections for now: it is at its limit, or a blocking service serves
                            ///< one
  std::atomic<bool> waits;  ///< it sleeps until something happens; written only in pools with a request-timeout

  alignas(64) std::array<std::atomic<std::uint64_t>, kCounters> counters;
  LoadClock load;  ///< runs only in pools of MIN..MAX workers

  // The activity. A reader may see it torn: it is only for display.
  alignas(64) std::atomic<std::uint64_t> activity_since_ns;
  std::atomic<ActivityKind> activity_kind;
  std::atomic<std::uint8_t> activity_service;
  std::atomic<std::uint16_t> activity_length;
  char activity_text[kActivityText];

  void add(Counter counter, std::uint64_t n = 1) noexcept {
    auto& value = counters[static_cast<std::size_t>(counter)];
    value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }

  /// Records a heartbeat. A reader that loads the activity or `waits` first, then sees a heartbeat at least as new.
  void beat(std::uint64_t now_ns) noexcept {
    heartbeat_ns.store(now_ns, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
  }
  void begin_wait() noexcept { waits.store(true, std::memory_order_relaxed); }
  void begin_work(std::uint64_t now_ns) noexcept {
    beat(now_ns);
    waits.store(false, std::memory_order_relaxed);
  }

  /// The text may be passed in two parts.
  void begin_activity(ActivityKind kind, std::uint8_t service, std::uint64_t now_ns, std::string_view text,
                      std::string_view more = {}) noexcept;
  void end_activity() noexcept { activity_kind.store(ActivityKind::none, std::memory_order_relaxed); }
  Activity activity() const;
};
static_assert(sizeof(WorkerSlot) == 384);

/// The slots of all workers, as the master maps them. Each worker gets new memory for its slot, so that what a dead
/// worker left behind (a process that it started) cannot reach its successor's.
class Scoreboard {
 public:
  /// `slots` is 1 to 65535; all of them are empty.
  static Scoreboard create(std::size_t slots) { return Scoreboard(slots); }

  std::size_t slots() const noexcept { return memory_.size(); }
  /// The slot must have a worker.
  WorkerSlot& slot(std::size_t index) const noexcept;
  /// The memory of a slot that has a worker, for map_slot().
  int fd(std::size_t index) const noexcept;

  /// The counters of one worker; zeros for an empty slot.
  CounterValues counters(std::size_t index) const noexcept;

  /// Makes the memory of a slot for its next worker. @throws std::system_error: no descriptors or no memory
  void assign(std::size_t index);
  /// Takes a slot that assign() made before this process executed another program (upgrade).
  /// @throws std::runtime_error if it is not of a slot's size; std::system_error
  void adopt(std::size_t index, UniqueFd memory);
  void clear(std::size_t index) noexcept;

 private:
  explicit Scoreboard(std::size_t slots);

  std::vector<std::optional<SharedMemory>> memory_;
};

/// Maps a worker's own slot, in the worker. @throws as Scoreboard::adopt()
SharedMemory map_slot(UniqueFd memory);
WorkerSlot& slot_in(const SharedMemory& memory) noexcept;

/// What the other workers of the pool know about a worker when they decide whether to accept.
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
  /// Process: a worker of the pool, or a master that took the pool over. @throws std::runtime_error if it is not of
  /// this size; std::system_error
  static Seats map(UniqueFd memory, std::size_t slots);

  std::size_t slots() const noexcept { return slots_; }
  int fd() const noexcept { return memory_.fd(); }
  void keep_mapping_only() noexcept { memory_.keep_mapping_only(); }
  /// `index` must be less than slots().
  Seat& operator[](std::size_t index) const noexcept;
  /// Clears a seat for the next worker, or for none. Process: master.
  void clear(std::size_t index, SeatState state) const noexcept;

 private:
  Seats(SharedMemory memory, std::size_t slots) noexcept : memory_(std::move(memory)), slots_(slots) {}

  SharedMemory memory_;
  std::size_t slots_;
};

/// Adds, but stops at the greatest number: a worker that wrote nonsense must not make a total go back.
inline void accumulate(CounterValues& sum, const CounterValues& more) noexcept {
  for (std::size_t i = 0; i < kCounters; ++i) sum[i] = more[i] > UINT64_MAX - sum[i] ? UINT64_MAX : sum[i] + more[i];
}

/// CLOCK_MONOTONIC in nanoseconds.
std::uint64_t monotonic_ns() noexcept;

}  // namespace prefork::ipc
