#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ipc/objects/sleeper.hpp"
#include "ipc/objects/waiting_set.hpp"
#include "ipc/objects/walk.hpp"

namespace prefork::ipc {

enum class PutResult : std::uint8_t { done, full, closed };

/// An undeliverable message, as a copy.
struct DeadLetter {
  std::uint64_t sequence = 0;
  std::uint32_t deliveries = 0;
  std::size_t length = 0;  ///< of the whole message, in bytes
  std::string bytes;       ///< the beginning of the message
};

/// Where a dead letter lies, and its place in the order of age. Plain data: whoever returns with it finds the letter or
/// learns that it is gone.
struct DeadLetterPlace {
  std::uint64_t age;  ///< the lower, the older: a total order, whatever the memory holds
  std::uint64_t sequence;
  std::size_t index;

  bool operator<(const DeadLetterPlace& other) const noexcept { return age < other.age; }
};

/// What happened to messages that were not acknowledged as usual.
struct QueueLosses {
  std::uint64_t expired = 0;  ///< dropped because their deadline had passed
  std::uint64_t dead_lettered = 0;
  std::uint64_t dropped = 0;  ///< undeliverable, while there was no room for dead letters
  std::uint64_t redelivered = 0;
};

/// A bounded queue of messages in shared memory, for any number of producers and consumers. First in, first out, except
/// for messages that are delivered again. A view: each process attaches its own.
///
/// A slot's state word is [sequence:44 | phase:4 | owner:16]. A message that a dead process was writing is void and
/// skipped; one that it had taken is delivered again, with its count of deliveries. Each step matches
/// tests/ipc/models/queue_model.cpp. Only put() and get() block.
class MessageQueue {
 public:
  struct Shape {
    std::uint32_t capacity = 0;       ///< messages, a power of two; those taken and not yet acknowledged count too
    std::uint32_t message_bytes = 0;  ///< the longest message
    std::uint32_t dead_letters = 0;   ///< the most that are kept; of more than 256 the last fiftieth may stay unused
  };
  static constexpr std::uint32_t kMaxCapacity = 1U << 20;
  static constexpr std::uint32_t kMaxMessageBytes = 16U << 20;

  /// A message that the caller holds: nobody else gets it until it is acknowledged or given back.
  struct Taken {
    std::span<const std::byte> bytes;  ///< in the queue's memory
    std::uint64_t sequence;            ///< its place in the order, and its name for ack() and nack()
    std::uint32_t deliveries;          ///< 1: the first time
  };

  static void check(const Shape& shape);
  static std::size_t bytes(const Shape& shape, std::size_t slots);
  static void format(void* memory, const Shape& shape, std::size_t slots);

  /// @param max_deliveries  a message delivered this many times without acknowledgement is undeliverable; zero: no
  /// limit
  MessageQueue(void* memory, const Shape& shape, std::size_t slots, Party self, std::uint32_t max_deliveries = 0);

  /// @param deadline_ns  CLOCK_MONOTONIC: a message that nobody has taken by then is dropped and counted
  /// @throws std::length_error: longer than a message may be; nothing has happened
  PutResult try_put(std::span<const std::byte> message, std::uint64_t deadline_ns = kNoDeadline);
  std::optional<Taken> try_get();
  /// Ends a message, which this process must hold; its bytes are gone.
  void ack(std::uint64_t sequence) noexcept;
  /// Gives a message back, which this process must hold: it is delivered again, before all later ones.
  void nack(std::uint64_t sequence) noexcept;

  /// Both block until they succeed, the deadline has passed, or the queue is closed (get(): closed and empty).
  /// @return of put: `full` is the time-out
  PutResult put(std::span<const std::byte> message, Sleeper& sleeper, std::uint64_t wait_until_ns,
                std::uint64_t deadline_ns = kNoDeadline);
  std::optional<Taken> get(Sleeper& sleeper, std::uint64_t wait_until_ns);

  /// Refuses further messages; those in the queue can still be taken. Wakes all waiters.
  void close() noexcept;
  void reopen() noexcept;
  bool closed() const noexcept;

  /// Messages that are put and not yet taken. Approximate: others work on the queue meanwhile.
  std::size_t size() const noexcept;
  bool empty() const noexcept { return size() == 0; }
  bool full() const noexcept;
  std::size_t capacity() const noexcept { return capacity_; }
  std::size_t max_message_bytes() const noexcept { return message_bytes_; }
  QueueLosses losses() const noexcept;

  /// Those that wait for messages, and those that wait for room.
  const WaitingSet& getters() const noexcept { return getters_; }
  const WaitingSet& putters() const noexcept { return putters_; }

  /// The rest is for the master only. Pieces are counted in slots: those for messages, followed by those for dead
  /// letters.
  std::size_t spots() const noexcept { return std::size_t{capacity_} + dead_capacity_; }
  std::size_t repair(const OwnerSet& dead, Spots piece) noexcept;
  std::size_t repair(Owner dead) noexcept { return repair(OwnerSet(dead), Spots::all()); }
  /// The messages that are taken now and those being written; the token is the sequence.
  std::vector<Hold> holds(Spots piece = Spots::all()) const;

  /// Dead letters are counted, found, copied, requeued and dropped one by one; the caller decides how many at a time. A
  /// piece here covers only slots for dead letters.
  std::size_t dead_spots() const noexcept { return dead_capacity_; }
  std::size_t dead_letter_count(Spots piece = Spots::all()) const noexcept;
  /// In no order.
  std::vector<DeadLetterPlace> find_dead(Spots piece) const;
  /// Copies at most `most_bytes` of it. @return nullopt: it is gone
  std::optional<DeadLetter> dead_letter(const DeadLetterPlace& place, std::size_t most_bytes) const;
  enum class Requeued : std::uint8_t { done, gone, full, closed };
  /// Puts it back as a new message.
  Requeued requeue_dead(const DeadLetterPlace& place);
  /// @return how many were dropped
  std::size_t drop_dead(Spots piece = Spots::all()) noexcept;

 private:
  struct Control;
  struct Slot;

  // Sequences and indexes are numbers of 44 bits, which wrap.
  static constexpr unsigned kOwnerBits = 16, kPhaseBits = 4, kSequenceBits = 44;
  static constexpr std::uint64_t kSequenceMask = (std::uint64_t{1} << kSequenceBits) - 1;
  enum Phase : std::uint64_t { kFree, kWriting, kReady, kTaken, kVoid };

  static constexpr std::uint64_t pack(std::uint64_t sequence, Phase phase, Owner owner) noexcept {
    return (sequence & kSequenceMask) << (kPhaseBits + kOwnerBits) | phase << kOwnerBits | owner;
  }
  static constexpr std::uint64_t sequence_of(std::uint64_t word) noexcept { return word >> (kPhaseBits + kOwnerBits); }
  static constexpr Phase phase_of(std::uint64_t word) noexcept { return static_cast<Phase>(word >> kOwnerBits & 0xf); }
  static constexpr Owner owner_in(std::uint64_t word) noexcept { return static_cast<Owner>(word); }
  /// How far `a` is ahead of `b`.
  static constexpr std::int64_t ahead(std::uint64_t a, std::uint64_t b) noexcept {
    return static_cast<std::int64_t>((a - b) << (64 - kSequenceBits)) >> (64 - kSequenceBits);
  }

  Slot& slot(std::uint64_t index) const noexcept;
  Slot& dead_slot(std::size_t index) const noexcept;
  static void fill(Slot& slot, std::span<const std::byte> message, std::uint64_t deadline_ns) noexcept;
  void help_tail(std::uint64_t tail) const noexcept;
  void help_head(std::uint64_t head) const noexcept;
  void rewind(std::uint64_t sequence) const noexcept;
  Slot* claim_free(std::uint64_t& sequence) const noexcept;
  Slot* claim_ready(std::uint64_t& sequence) const noexcept;
  bool deliverable(Slot& slot, std::uint64_t sequence) noexcept;
  void bury(Slot& slot, std::uint64_t sequence) noexcept;
  std::size_t dead_probe(std::uint64_t sequence, std::size_t probe) const noexcept;
  bool is_buried(std::uint64_t sequence) const noexcept;
  void release(Slot& slot, std::uint64_t sequence) noexcept;
  Slot& held(std::uint64_t sequence) const noexcept;
  void wake(const WaitingSet& sleepers) const noexcept;
  bool ready_at_head() const noexcept;
  unsigned most_rounds() const noexcept;

  std::uint32_t capacity_;
  std::uint32_t message_bytes_;
  std::uint32_t dead_capacity_;
  std::uint32_t max_deliveries_;
  std::size_t stride_;
  Control* control_;
  WaitingSet getters_;
  WaitingSet putters_;
  std::byte* slots_;
  std::byte* dead_;
  Party self_;
};

}  // namespace prefork::ipc
