#include "ipc/objects/topic.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "ipc/posix/check.hpp"

// The steps have the same names as in tests/ipc/models/topic_model.cpp.
namespace prefork::ipc {

namespace {

constexpr std::uint32_t kMostMessages = 1U << 20;
constexpr std::uint32_t kLongestMessage = 1U << 20;
constexpr std::size_t kLine = 64;

// A slot's state: [sequence:44 | phase:4 | owner:16]. Sequences are compared by their difference, so wrapping does not
// matter.
enum class Phase : std::uint64_t { nothing, is_void, writing, ready, stale };

constexpr std::uint64_t state_of(std::uint64_t position, Phase phase, Owner owner) noexcept {
  return position << 20 | static_cast<std::uint64_t>(phase) << 16 | owner;
}
constexpr Phase phase_of(std::uint64_t state) noexcept { return static_cast<Phase>(state >> 16 & 15); }
constexpr Owner owner_in(std::uint64_t state) noexcept { return static_cast<Owner>(state & 0xffff); }
constexpr bool is_held(std::uint64_t state) noexcept {
  return phase_of(state) == Phase::writing || phase_of(state) == Phase::stale;
}
/// How far the state's sequence is ahead of a position.
constexpr std::int64_t ahead_of(std::uint64_t state, std::uint64_t position) noexcept {
  return static_cast<std::int64_t>((state >> 20 << 20) - (position << 20)) / (std::int64_t{1} << 20);
}
constexpr std::uint64_t with(std::uint64_t state, Phase phase, Owner owner) noexcept {
  return state_of(state >> 20, phase, owner);
}

std::size_t stride_of(const Topic::Shape& shape) noexcept {
  return (2 * sizeof(std::uint64_t) + shape.message_bytes + kLine - 1) / kLine * kLine;
}

}  // namespace

// The first position is `capacity`, so that initially void slots look like slots of the previous lap.
struct alignas(kLine) Topic::Head {
  Word tail;
};

void Topic::check(const Shape& shape) {
  const std::uint32_t capacity = shape.capacity;
  const auto fail = [](const std::string& why) { throw std::invalid_argument(why); };
  if (capacity < 2 || capacity > kMostMessages) {
    fail("capacity is " + std::to_string(capacity) + ", which is not from 2 to " + std::to_string(kMostMessages));
  }
  if (!std::has_single_bit(capacity)) {
    fail("capacity is " + std::to_string(capacity) + ", which is no power of two: take " +
         std::to_string(std::bit_floor(capacity)) + " or " + std::to_string(std::bit_ceil(capacity)));
  }
  if (shape.message_bytes < 1 || shape.message_bytes > kLongestMessage) {
    fail("message_bytes is " + std::to_string(shape.message_bytes) + ", which is not from 1 to " +
         std::to_string(kLongestMessage));
  }
}

std::size_t Topic::bytes(const Shape& shape, std::size_t slots) {
  return sizeof(Head) + WaitingSet::bytes(slots) + shape.capacity * stride_of(shape);
}

void Topic::format(void* memory, const Shape& shape, std::size_t slots) {
  const Topic topic(memory, shape, slots, {});
  for (std::uint64_t i = 0; i < shape.capacity; ++i) topic.slot(i).state->store(state_of(i, Phase::is_void, kNobody));
  topic.head_->tail.store(shape.capacity);
}

// Zeroed bytes are zeroed atomics.
Topic::Topic(void* memory, const Shape& shape, std::size_t slots, Party self) noexcept
    : shape_(shape),
      self_(self),
      waiting_(static_cast<std::byte*>(memory) + sizeof(Head), slots),
      head_(static_cast<Head*>(memory)),
      ring_(static_cast<std::byte*>(memory) + sizeof(Head) + WaitingSet::bytes(slots)),
      stride_(stride_of(shape)) {}

Topic::Slot Topic::slot(std::uint64_t position) const noexcept {
  auto* words = reinterpret_cast<Word*>(ring_ + (position & (shape_.capacity - 1)) * stride_);
  return {words, words + 1, words + 2};
}

Topic::Published Topic::publish(std::span<const std::byte> message) const noexcept {
  if (message.size() > shape_.message_bytes) return Published::too_long;
  // Every turn except these few is one in which another publisher made progress. The second limit is reached only if
  // somebody wrote nonsense to the memory.
  std::uint32_t held = 0;
  for (std::uint64_t turns = 4096 + 4 * std::uint64_t{shape_.capacity}; held < shape_.capacity && turns > 0; --turns) {
    std::uint64_t position = 0;
    switch (claim(position)) {
      case Step::again:
        break;
      case Step::held:
        ++held;
        break;
      case Step::claimed:
        write(position, message);
        if (make_ready(position)) {
          wake();
          return Published::done;
        }
        release(position);
        ++held;
        break;
    }
  }
  wake();  // others can skip the positions made void
  return Published::stalled;
}

Topic::Step Topic::claim(std::uint64_t& position) const noexcept {
  // kReadTail
  position = head_->tail.load(std::memory_order_acquire);
  // kLook
  Word& state = *slot(position).state;
  std::uint64_t seen = state.load(std::memory_order_acquire);
  const std::int64_t ahead = ahead_of(seen, position);
  if (ahead > 0) return Step::again;  // the tail has moved on
  if (ahead == 0) {
    help(position);
    return Step::again;
  }
  // The slot is of the previous lap, so the tail is still at `position`.
  if (is_held(seen)) {
    // kMakeVoid: the holder stays where it is; the position is skipped.
    if (!state.compare_exchange_strong(seen, state_of(position, Phase::stale, owner_in(seen)))) return Step::again;
    help(position);
    return Step::held;
  }
  // kClaim
  if (!state.compare_exchange_strong(seen, state_of(position, Phase::writing, self_.owner))) return Step::again;
  // kAdvance
  help(position);
  return Step::claimed;
}

void Topic::help(std::uint64_t position) const noexcept { head_->tail.compare_exchange_strong(position, position + 1); }

// kWrite. Each store releases: a subscriber that has seen one of these words then also sees the earlier claim, and so
// knows that the slot has changed. It costs nothing on x86 and needs no fence, and there is no data race in the sense
// of the language.
void Topic::write(std::uint64_t position, std::span<const std::byte> message) const noexcept {
  const Slot to = slot(position);
  to.length->store(message.size(), std::memory_order_release);
  std::uint64_t word = 0;
  const std::size_t whole = message.size() / sizeof word;
  for (std::size_t i = 0; i < whole; ++i) {
    std::memcpy(&word, message.data() + i * sizeof word, sizeof word);
    to.payload[i].store(word, std::memory_order_release);
  }
  if (const std::size_t rest = message.size() % sizeof word; rest > 0) {
    word = 0;
    std::memcpy(&word, message.data() + whole * sizeof word, rest);
    to.payload[whole].store(word, std::memory_order_release);
  }
}

// kMakeReady. @return false: the position was made void meanwhile, or the memory is damaged
bool Topic::make_ready(std::uint64_t position) const noexcept {
  std::uint64_t mine = state_of(position, Phase::writing, self_.owner);
  return slot(position).state->compare_exchange_strong(mine, state_of(position, Phase::ready, kNobody));
}

// kReleaseLook, kRelease. The state may move from lap to lap under a slow publisher, but it stays stale and belongs to
// that publisher.
void Topic::release(std::uint64_t position) const noexcept {
  Word& state = *slot(position).state;
  std::uint64_t seen = state.load(std::memory_order_acquire);
  while (phase_of(seen) == Phase::stale && owner_in(seen) == self_.owner) {
    if (state.compare_exchange_weak(seen, with(seen, Phase::is_void, kNobody))) return;
  }
}

void Topic::wake() const noexcept {
  if (self_.bells != nullptr && waiting_.any()) waiting_.wake_all(*self_.bells);
}

Topic::Cursor Topic::join(std::uint64_t back) const noexcept {
  const std::uint64_t tail = head_->tail.load();
  return {.next = tail - std::min({back, std::uint64_t{shape_.capacity}, published()})};
}

Topic::Poll Topic::poll(Cursor& cursor, std::span<std::byte> buffer) const noexcept {
  PREFORK_CHECK(buffer.size() >= shape_.message_bytes);
  // kPoll. Sequentially consistent: a subscriber that has announced itself and finds nothing here is seen by the
  // publisher. In each turn either the cursor advances by one position or another process has changed the slot.
  for (;;) {
    const std::uint64_t seen = slot(cursor.next).state->load();
    const std::int64_t ahead = ahead_of(seen, cursor.next);
    if (ahead > 0) return overrun(cursor, seen);
    if (ahead < 0 || phase_of(seen) == Phase::writing) return {};
    if (phase_of(seen) == Phase::ready) {
      const std::optional<std::size_t> length = copy(cursor.next, seen, buffer);
      if (!length) continue;
      ++cursor.next;
      cursor.slack = 0;
      return {.what = Polled::message, .bytes = *length};
    }
    ++cursor.next;
  }
}

// kCopy, kLookAgain. @return nullopt: it was overwritten meanwhile
std::optional<std::size_t> Topic::copy(std::uint64_t position, std::uint64_t seen,
                                       std::span<std::byte> buffer) const noexcept {
  const Slot from = slot(position);
  const std::size_t length = std::min<std::size_t>(from.length->load(std::memory_order_acquire), shape_.message_bytes);
  std::uint64_t word = 0;
  const std::size_t whole = length / sizeof word;
  for (std::size_t i = 0; i < whole; ++i) {
    word = from.payload[i].load(std::memory_order_acquire);
    std::memcpy(buffer.data() + i * sizeof word, &word, sizeof word);
  }
  if (const std::size_t rest = length % sizeof word; rest > 0) {
    word = from.payload[whole].load(std::memory_order_acquire);
    std::memcpy(buffer.data() + whole * sizeof word, &word, rest);
  }
  if (from.state->load(std::memory_order_relaxed) != seen) return std::nullopt;
  return length;
}

// kOverrun. The tail may be one behind the slot's sequence, which is then the newest. At the oldest message the next
// publisher follows closely: without slack, a subscriber slower than the publishers would never get one.
Topic::Poll Topic::overrun(Cursor& cursor, std::uint64_t seen) const noexcept {
  const std::uint64_t newest = cursor.next + static_cast<std::uint64_t>(ahead_of(seen, cursor.next));
  const std::uint64_t end = std::max(head_->tail.load(std::memory_order_acquire), newest + 1);
  const std::uint64_t next = end - shape_.capacity + std::min(cursor.slack, shape_.capacity - 1);
  const std::uint64_t lost = next - cursor.next;
  cursor = {.next = next, .slack = std::min(cursor.slack * 2 + 1, shape_.capacity - 1)};
  return {.what = Polled::lost, .lost = lost};
}

bool Topic::pass_over(const Cursor& cursor) const noexcept {
  Word& state = *slot(cursor.next).state;
  std::uint64_t seen = state.load();
  if (ahead_of(seen, cursor.next) != 0 || phase_of(seen) != Phase::writing) return false;
  // kPassOver
  if (state.compare_exchange_strong(seen, with(seen, Phase::stale, owner_in(seen)))) wake();
  return true;
}

std::size_t Topic::repair(const OwnerSet& dead, Spots piece) const noexcept {
  std::size_t freed = 0;
  for (std::uint64_t i = piece.first; i < piece.end(shape_.capacity); ++i) {
    Word& state = *slot(i).state;
    std::uint64_t seen = state.load();
    // Publishers that come by may make the position void, or void of a later lap: then look again. A publisher that
    // comes by more often than this is malicious.
    for (std::uint32_t tries = 1U << 16; is_held(seen) && dead.contains(owner_in(seen)) && tries > 0; --tries) {
      if (!state.compare_exchange_strong(seen, with(seen, Phase::is_void, kNobody))) continue;
      ++freed;
      break;
    }
  }
  return freed;
}

std::uint64_t Topic::published() const noexcept {
  return head_->tail.load(std::memory_order_relaxed) - shape_.capacity;
}

std::size_t Topic::held() const noexcept {
  std::size_t held = 0;
  for (std::uint64_t i = 0; i < shape_.capacity; ++i) {
    held += is_held(slot(i).state->load(std::memory_order_relaxed)) ? 1 : 0;
  }
  return held;
}

}  // namespace prefork::ipc
