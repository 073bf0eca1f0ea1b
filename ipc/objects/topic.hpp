#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "ipc/objects/party.hpp"
#include "ipc/objects/waiting_set.hpp"
#include "ipc/objects/walk.hpp"

namespace prefork::ipc {

/// Delivers each message to every subscriber: a ring in shared memory, written by many publishers and read by any
/// number of subscribers, each with a cursor of its own that nobody else knows. A view: it may be copied freely.
///
/// A publisher never waits, neither for a subscriber nor for another publisher. A subscriber that falls more than the
/// ring behind is overrun and told so. A publisher that stops in the middle of a write holds up the subscribers at its
/// position until the ring comes round to it, it is repaired, or a subscriber passes over it. The steps and their
/// proof: tests/ipc/models/topic_model.cpp.
class Topic {
 public:
  struct Shape {
    std::uint32_t capacity = 0;       ///< messages in the ring: a power of two, 2 to 2^20
    std::uint32_t message_bytes = 0;  ///< the longest message: 1 to 1 MiB
  };

  /// @throws std::invalid_argument: one sentence without the object's name
  static void check(const Shape& shape);
  /// `shape` must be checked. @param slots  slots that may wait
  static std::size_t bytes(const Shape& shape, std::size_t slots);
  /// Makes a topic in bytes() zeroed bytes, 64-byte aligned. Process: master, before anybody attaches.
  static void format(void* memory, const Shape& shape, std::size_t slots);
  /// Attaches to what format() made. `self` may be kNobody if nothing is published.
  Topic(void* memory, const Shape& shape, std::size_t slots, Party self) noexcept;

  enum class Published : std::uint8_t {
    done,
    too_long,  ///< more than message_bytes
    stalled,   ///< publishers that do not move hold as many positions as the ring has: try later
  };
  /// Process: worker. Blocks: never; wakes all waiters. Does not allocate. All subscribers see the messages in the same
  /// order.
  Published publish(std::span<const std::byte> message) const noexcept;

  /// Where a subscriber stands. Plain data of the subscriber's process.
  struct Cursor {
    std::uint64_t next = 0;
    std::uint32_t slack = 0;  ///< internal to poll()
  };
  /// @return a cursor that gets what is published from now on, and the last `back` positions that are still there
  Cursor join(std::uint64_t back = 0) const noexcept;

  enum class Polled : std::uint8_t { none, message, lost };
  struct Poll {
    Polled what = Polled::none;
    std::size_t bytes = 0;   ///< message: its length in the buffer
    std::uint64_t lost = 0;  ///< lost: positions that were overwritten before the cursor reached them
  };
  /// Takes the next message, or says how many were lost. After a loss the cursor stands at the oldest message that is
  /// there; if it is overrun repeatedly with no message in between, it moves nearer to the newest each time. If nothing
  /// is there: wait on waiting(). Each position that the cursor passes held either a message, which is delivered or
  /// counted as lost, or nothing: its publisher died, or was lapped and published anew. The cursor skips empty
  /// positions that it meets, but counts those that it is overrun by. So `lost` may be too high by their number, and is
  /// exact as long as no publisher dies or is lapped. Process: any. Blocks: never. Does not allocate.
  /// @param buffer  at least message_bytes
  Poll poll(Cursor& cursor, std::span<std::byte> buffer) const noexcept;

  /// Gives up on a publisher that stopped in the middle of the message at the cursor: the position becomes void, and
  /// the publisher publishes anew if it ever continues. @return false: nobody writes there
  bool pass_over(const Cursor& cursor) const noexcept;

  /// Frees the slots that the dead wrote to. Process: master. The time is bounded by the shape. The caller must then
  /// wake all waiters, even if nothing was freed: the dead may have made a change and woken nobody. @return words freed
  std::size_t repair(const OwnerSet& dead, Spots piece) const noexcept;
  std::size_t repair(Owner dead) const noexcept { return repair(OwnerSet(dead), Spots::all()); }
  std::size_t spots() const noexcept { return shape_.capacity; }

  WaitingSet waiting() const noexcept { return waiting_; }
  /// Positions claimed so far, including void ones.
  std::uint64_t published() const noexcept;
  /// Slots that a publisher writes to now. Walks the ring.
  std::size_t held() const noexcept;
  const Shape& shape() const noexcept { return shape_; }

 private:
  friend class TopicProbe;  // tests stop between the steps

  using Word = std::atomic<std::uint64_t>;
  struct Head;
  struct Slot {
    Word* state;
    Word* length;
    Word* payload;
  };
  enum class Step : std::uint8_t { claimed, again, held };

  Slot slot(std::uint64_t position) const noexcept;
  Step claim(std::uint64_t& position) const noexcept;
  void help(std::uint64_t position) const noexcept;
  void write(std::uint64_t position, std::span<const std::byte> message) const noexcept;
  bool make_ready(std::uint64_t position) const noexcept;
  void release(std::uint64_t position) const noexcept;
  Poll overrun(Cursor& cursor, std::uint64_t seen) const noexcept;
  std::optional<std::size_t> copy(std::uint64_t position, std::uint64_t seen,
                                  std::span<std::byte> buffer) const noexcept;
  void wake() const noexcept;

  Shape shape_;
  Party self_;
  WaitingSet waiting_;
  Head* head_;
  std::byte* ring_;
  std::size_t stride_;
};

}  // namespace prefork::ipc
