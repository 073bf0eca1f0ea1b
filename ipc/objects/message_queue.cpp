#include "ipc/objects/message_queue.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

#include "ipc/posix/check.hpp"

namespace prefork::ipc {

namespace {

constexpr std::size_t kLine = 64;
// A round of a loop is lost only to another process that made progress. The master, which trusts none of them, and a
// process that meets damaged memory must still come to an end.
constexpr unsigned kManyRounds = 1'000'000;
constexpr unsigned kMasterRounds = 4'096;  // a twentieth of a millisecond

// How many places a dead letter tries. Where there are more, the last fiftieth of them may stay free; with a longer
// search each message would cost as much as all places once they are full.
constexpr std::size_t kDeadProbes = 256;
// A flag in a message's count of deliveries: its holder was about to make a dead letter of it.
constexpr std::uint32_t kBurying = 1U << 31;

constexpr std::size_t lines(std::size_t bytes) noexcept { return (bytes + kLine - 1) & ~(kLine - 1); }

}  // namespace

struct MessageQueue::Control {
  alignas(kLine) std::atomic<std::uint64_t> tail;  // where the next message is put
  alignas(kLine) std::atomic<std::uint64_t> head;  // [epoch:20 | index:44]: where the next message is taken
  alignas(kLine) std::atomic<std::uint64_t> closed;
  std::atomic<std::uint64_t> expired;
  std::atomic<std::uint64_t> dead_lettered;
  std::atomic<std::uint64_t> dropped;
  std::atomic<std::uint64_t> redelivered;
};

// Everything but the state belongs to the owner that the state names. The master reads it too and relies on nothing.
struct MessageQueue::Slot {
  std::atomic<std::uint64_t> state;
  std::uint64_t deadline_ns;
  std::uint32_t length;
  std::uint32_t deliveries;

  std::byte* data() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
  const std::byte* data() const noexcept { return reinterpret_cast<const std::byte*>(this + 1); }
};

void MessageQueue::check(const Shape& shape) {
  if (shape.capacity < 2 || shape.capacity > kMaxCapacity || !std::has_single_bit(shape.capacity)) {
    const std::uint32_t capacity = std::clamp<std::uint32_t>(shape.capacity, 2, kMaxCapacity);
    const std::uint32_t below = std::bit_floor(capacity), above = std::bit_ceil(capacity);
    throw std::invalid_argument("capacity is " + std::to_string(shape.capacity) +
                                ", which is no power of two from 2 to " + std::to_string(kMaxCapacity) + ": take " +
                                std::to_string(below) + (above == below ? "" : " or " + std::to_string(above)));
  }
  if (shape.message_bytes == 0 || shape.message_bytes > kMaxMessageBytes) {
    throw std::invalid_argument("message-bytes is " + std::to_string(shape.message_bytes) + ": take 1 to " +
                                std::to_string(kMaxMessageBytes));
  }
  if (shape.dead_letters > kMaxCapacity) {
    throw std::invalid_argument("dead-letters is " + std::to_string(shape.dead_letters) + ": take 0 to " +
                                std::to_string(kMaxCapacity));
  }
}

std::size_t MessageQueue::bytes(const Shape& shape, std::size_t slots) {
  const std::size_t stride = lines(sizeof(Slot) + shape.message_bytes);
  return sizeof(Control) + 2 * WaitingSet::bytes(slots) +
         stride * (std::size_t{shape.capacity} + std::size_t{shape.dead_letters});
}

void MessageQueue::format(void* memory, const Shape& shape, std::size_t slots) {
  const MessageQueue queue(memory, shape, slots, {});
  for (std::uint64_t i = 0; i < shape.capacity; ++i) queue.slot(i).state.store(pack(i, kFree, kNobody));
}

MessageQueue::MessageQueue(void* memory, const Shape& shape, std::size_t slots, Party self,
                           std::uint32_t max_deliveries)
    : capacity_(shape.capacity),
      message_bytes_(shape.message_bytes),
      dead_capacity_(shape.dead_letters),
      max_deliveries_(max_deliveries),
      stride_(lines(sizeof(Slot) + shape.message_bytes)),
      control_(static_cast<Control*>(memory)),
      self_(self) {
  auto* at = static_cast<std::byte*>(memory) + sizeof(Control);
  getters_ = WaitingSet(at, slots);
  putters_ = WaitingSet(at + WaitingSet::bytes(slots), slots);
  slots_ = at + 2 * WaitingSet::bytes(slots);
  dead_ = slots_ + stride_ * capacity_;
}

MessageQueue::Slot& MessageQueue::slot(std::uint64_t index) const noexcept {
  return *reinterpret_cast<Slot*>(slots_ + stride_ * (index & (capacity_ - 1)));
}
MessageQueue::Slot& MessageQueue::dead_slot(std::size_t index) const noexcept {
  return *reinterpret_cast<Slot*>(dead_ + stride_ * index);
}

void MessageQueue::fill(Slot& slot, std::span<const std::byte> message, std::uint64_t deadline_ns) noexcept {
  slot.deadline_ns = deadline_ns;
  slot.length = static_cast<std::uint32_t>(message.size());
  slot.deliveries = 0;
  if (!message.empty()) std::memcpy(slot.data(), message.data(), message.size());
}

// Putting.

void MessageQueue::help_tail(std::uint64_t tail) const noexcept {
  control_->tail.compare_exchange_strong(tail, tail + 1);
}

unsigned MessageQueue::most_rounds() const noexcept {
  return self_.owner == kMasterOwner ? kMasterRounds : kManyRounds;
}

MessageQueue::Slot* MessageQueue::claim_free(std::uint64_t& sequence) const noexcept {
  const unsigned rounds = most_rounds();
  for (unsigned round = 0; round < rounds; ++round) {
    const std::uint64_t tail = control_->tail.load(std::memory_order_acquire);
    Slot& at = slot(tail);
    std::uint64_t word = at.state.load(std::memory_order_acquire);
    const std::int64_t distance = ahead(sequence_of(word), tail);
    if (distance == 0 && phase_of(word) == kFree) {
      if (!at.state.compare_exchange_strong(word, pack(tail, kWriting, self_.owner))) continue;
      sequence = tail;
      help_tail(tail);
      return &at;
    }
    if (distance >= 0) {
      help_tail(tail);  // its claimer may have died before doing so
    } else if (phase_of(word) == kVoid) {
      at.state.compare_exchange_strong(word, pack(sequence_of(word) + capacity_, kFree, kNobody));
    } else if (control_->tail.load(std::memory_order_acquire) == tail) {
      return nullptr;
    }
  }
  return nullptr;
}

PutResult MessageQueue::try_put(std::span<const std::byte> message, std::uint64_t deadline_ns) {
  if (message.size() > message_bytes_) {
    throw std::length_error("a message of " + std::to_string(message.size()) +
                            " bytes is longer than the queue takes (" + std::to_string(message_bytes_) + " bytes)");
  }
  if (control_->closed.load(std::memory_order_relaxed) != 0) return PutResult::closed;
  std::uint64_t sequence = 0;
  Slot* at = claim_free(sequence);
  if (at == nullptr) return PutResult::full;
  fill(*at, message, deadline_ns);
  at->state.exchange(pack(sequence, kReady, kNobody));
  wake(getters_);
  if (putters_.any() && !full()) wake(putters_);
  return PutResult::done;
}

PutResult MessageQueue::put(std::span<const std::byte> message, Sleeper& sleeper, std::uint64_t wait_until_ns,
                            std::uint64_t deadline_ns) {
  PutResult result = PutResult::full;
  wait_for(putters_, self_, sleeper, wait_until_ns, [&] {
    result = try_put(message, deadline_ns);
    return result != PutResult::full;
  });
  return result;
}

bool MessageQueue::full() const noexcept {
  const std::uint64_t tail = control_->tail.load();
  return ahead(sequence_of(slot(tail).state.load()), tail) < 0;
}

// Getting.

void MessageQueue::help_head(std::uint64_t head) const noexcept {
  const std::uint64_t next = (head & ~kSequenceMask) | ((head + 1) & kSequenceMask);
  control_->head.compare_exchange_strong(head, next);
}

// A helper may have read the head before the message went back: the new epoch makes its help fail, even if the index is
// the message's own.
void MessageQueue::rewind(std::uint64_t sequence) const noexcept {
  const unsigned rounds = most_rounds();
  std::uint64_t head = control_->head.load();
  for (unsigned round = 0; round < rounds; ++round) {
    const std::int64_t past = ahead(head & kSequenceMask, sequence);
    if (past < 0) return;
    const std::uint64_t epoch = (head >> kSequenceBits) + 1;
    if (control_->head.compare_exchange_weak(head, epoch << kSequenceBits | (sequence & kSequenceMask))) return;
  }
}

MessageQueue::Slot* MessageQueue::claim_ready(std::uint64_t& sequence) const noexcept {
  const unsigned rounds = most_rounds();
  for (unsigned round = 0; round < rounds; ++round) {
    const std::uint64_t head = control_->head.load(std::memory_order_acquire);
    const std::uint64_t index = head & kSequenceMask;
    Slot& at = slot(index);
    std::uint64_t word = at.state.load(std::memory_order_acquire);
    const std::int64_t distance = ahead(sequence_of(word), index);
    const Phase phase = phase_of(word);
    if (distance == 0 && phase == kReady) {
      if (!at.state.compare_exchange_strong(word, pack(index, kTaken, self_.owner))) continue;
      sequence = index;
      help_head(head);
      return &at;
    }
    if (distance == 0 && phase == kVoid) {
      if (at.state.compare_exchange_strong(word, pack(index + capacity_, kFree, kNobody))) wake(putters_);
    }
    if (distance > 0 || (distance == 0 && (phase == kTaken || phase == kVoid))) {
      help_head(head);
    } else if (control_->head.load(std::memory_order_acquire) == head) {
      return nullptr;
    }
  }
  return nullptr;
}

// Counts the delivery before anyone sees the message, so that the count is never too low.
bool MessageQueue::deliverable(Slot& slot, std::uint64_t sequence) noexcept {
  if (slot.deadline_ns != kNoDeadline && sleeper_clock_ns() >= slot.deadline_ns) {
    control_->expired.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  if (max_deliveries_ > 0 && slot.deliveries >= max_deliveries_) {
    bury(slot, sequence);
    return false;
  }
  if (slot.deliveries > 0) control_->redelivered.fetch_add(1, std::memory_order_relaxed);
  ++slot.deliveries;
  return true;
}

std::optional<MessageQueue::Taken> MessageQueue::try_get() {
  std::uint64_t sequence = 0;
  while (Slot* at = claim_ready(sequence)) {
    if (!deliverable(*at, sequence)) {
      release(*at, sequence);
      continue;
    }
    if (getters_.any() && ready_at_head())
      wake(getters_);  // the process that was woken for it may not be the one that
                       // got it
    return Taken{{at->data(), std::min(at->length, message_bytes_)}, sequence, at->deliveries & ~kBurying};
  }
  return std::nullopt;
}

std::optional<MessageQueue::Taken> MessageQueue::get(Sleeper& sleeper, std::uint64_t wait_until_ns) {
  std::optional<Taken> taken;
  wait_for(getters_, self_, sleeper, wait_until_ns, [&] {
    taken = try_get();
    return taken.has_value() || closed();
  });
  return taken;
}

bool MessageQueue::ready_at_head() const noexcept {
  const std::uint64_t index = control_->head.load() & kSequenceMask;
  const std::uint64_t word = slot(index).state.load();
  return sequence_of(word) == index && phase_of(word) == kReady;
}

void MessageQueue::release(Slot& slot, std::uint64_t sequence) noexcept {
  slot.state.exchange(pack(sequence + capacity_, kFree, kNobody));
  wake(putters_);
}

// Releasing a message that this process does not hold would take it from another process.
MessageQueue::Slot& MessageQueue::held(std::uint64_t sequence) const noexcept {
  Slot& at = slot(sequence);
  PREFORK_CHECK(at.state.load(std::memory_order_relaxed) == pack(sequence, kTaken, self_.owner));
  return at;
}

void MessageQueue::ack(std::uint64_t sequence) noexcept { release(held(sequence), sequence); }

void MessageQueue::nack(std::uint64_t sequence) noexcept {
  held(sequence).state.exchange(pack(sequence, kReady, kNobody));
  rewind(sequence);
  wake(getters_);
}

void MessageQueue::wake(const WaitingSet& sleepers) const noexcept {
  if (sleepers.any() && self_.bells != nullptr) sleepers.wake_one(*self_.bells, self_.owner);
}

// Being closed.

void MessageQueue::close() noexcept {
  control_->closed.exchange(1);
  if (self_.bells == nullptr) return;
  getters_.wake_all(*self_.bells);
  putters_.wake_all(*self_.bells);
}
void MessageQueue::reopen() noexcept { control_->closed.exchange(0); }
bool MessageQueue::closed() const noexcept { return control_->closed.load() != 0; }

std::size_t MessageQueue::size() const noexcept {
  const std::uint64_t head = control_->head.load() & kSequenceMask;
  const std::int64_t between = ahead(control_->tail.load() & kSequenceMask, head);
  return static_cast<std::size_t>(std::clamp<std::int64_t>(between, 0, capacity_));
}

QueueLosses MessageQueue::losses() const noexcept {
  return {control_->expired.load(std::memory_order_relaxed), control_->dead_lettered.load(std::memory_order_relaxed),
          control_->dropped.load(std::memory_order_relaxed), control_->redelivered.load(std::memory_order_relaxed)};
}

// Dead letters have slots of their own (free, writing, ready), which only consumers fill and only the master empties.

// Each message has its own places to try, so that a free one is found soon and the search ends if there is none.
std::size_t MessageQueue::dead_probe(std::uint64_t sequence, std::size_t probe) const noexcept {
  if (dead_capacity_ <= kDeadProbes) return probe;
  std::uint64_t mixed = (sequence * kDeadProbes + probe) * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93;
  return (mixed ^ mixed >> 32) % dead_capacity_;
}

bool MessageQueue::is_buried(std::uint64_t sequence) const noexcept {
  for (std::size_t i = 0; i < dead_capacity_; ++i) {
    const std::uint64_t word = dead_slot(i).state.load(std::memory_order_acquire);
    if (phase_of(word) == kReady && sequence_of(word) == sequence) return true;
  }
  return false;
}

// The message is held while it is copied, so nobody else buries it. A holder that dies after the copy leaves a dead
// letter with the same sequence, which its successor finds. The successor looks for one only if the message says that
// somebody was about to make it.
void MessageQueue::bury(Slot& slot, std::uint64_t sequence) noexcept {
  if ((slot.deliveries & kBurying) != 0 && is_buried(sequence)) return;
  slot.deliveries |= kBurying;
  for (std::size_t i = 0; i < std::min<std::size_t>(dead_capacity_, kDeadProbes); ++i) {
    Slot& dead = dead_slot(dead_probe(sequence, i));
    std::uint64_t word = dead.state.load(std::memory_order_acquire);
    if (phase_of(word) != kFree) continue;
    if (!dead.state.compare_exchange_strong(word, pack(sequence, kWriting, self_.owner))) continue;
    fill(dead, {slot.data(), std::min(slot.length, message_bytes_)}, kNoDeadline);
    dead.deliveries = slot.deliveries & ~kBurying;
    control_->dead_lettered.fetch_add(1, std::memory_order_relaxed);
    dead.state.store(pack(sequence, kReady, kNobody));
    return;
  }
  control_->dropped.fetch_add(1, std::memory_order_relaxed);
}

std::size_t MessageQueue::dead_letter_count(Spots piece) const noexcept {
  std::size_t count = 0;
  for (std::size_t i = piece.first; i < piece.end(dead_capacity_); ++i) {
    count += phase_of(dead_slot(i).state.load()) == kReady ? 1 : 0;
  }
  return count;
}

// Sequences wrap: a letter's age is counted from half a lap before the head, so that any two ages compare.
std::vector<DeadLetterPlace> MessageQueue::find_dead(Spots piece) const {
  const std::uint64_t oldest = control_->head.load() - (std::uint64_t{1} << (kSequenceBits - 1));
  std::vector<DeadLetterPlace> found;
  for (std::size_t i = piece.first; i < piece.end(dead_capacity_); ++i) {
    const std::uint64_t word = dead_slot(i).state.load();
    if (phase_of(word) != kReady) continue;
    found.push_back({(sequence_of(word) - oldest) & kSequenceMask, sequence_of(word), i});
  }
  return found;
}

std::optional<DeadLetter> MessageQueue::dead_letter(const DeadLetterPlace& place, std::size_t most_bytes) const {
  const Slot& dead = dead_slot(place.index);
  if (dead.state.load() != pack(place.sequence, kReady, kNobody)) return std::nullopt;
  const std::size_t length = std::min(dead.length, message_bytes_);
  const auto* text = reinterpret_cast<const char*>(dead.data());
  return DeadLetter{place.sequence, dead.deliveries, length, {text, std::min(length, most_bytes)}};
}

MessageQueue::Requeued MessageQueue::requeue_dead(const DeadLetterPlace& place) {
  const auto letter = dead_letter(place, message_bytes_);
  if (!letter) return Requeued::gone;
  const PutResult put = try_put(std::as_bytes(std::span(letter->bytes)));
  if (put != PutResult::done) return put == PutResult::closed ? Requeued::closed : Requeued::full;
  std::uint64_t word = pack(place.sequence, kReady, kNobody);
  dead_slot(place.index).state.compare_exchange_strong(word, pack(0, kFree, kNobody));
  return Requeued::done;
}

std::size_t MessageQueue::drop_dead(Spots piece) noexcept {
  std::size_t dropped = 0;
  for (std::size_t i = piece.first; i < piece.end(dead_capacity_); ++i) {
    std::uint64_t word = dead_slot(i).state.load();
    if (phase_of(word) == kReady && dead_slot(i).state.compare_exchange_strong(word, pack(0, kFree, kNobody)))
      ++dropped;
  }
  return dropped;
}

// The repair. Makes everything that is ready behind the head reachable again, whoever left it there: a process that
// gave a message back may have died before the rewind.
std::size_t MessageQueue::repair(const OwnerSet& dead, Spots piece) noexcept {
  std::size_t freed = 0;
  for (std::uint64_t i = piece.first; i < piece.end(capacity_); ++i) {
    Slot& at = slot(i);
    std::uint64_t word = at.state.load();
    if ((phase_of(word) == kWriting || phase_of(word) == kTaken) && dead.contains(owner_in(word))) {
      const Phase left = phase_of(word) == kWriting ? kVoid : kReady;
      if (at.state.compare_exchange_strong(word, pack(sequence_of(word), left, kNobody))) ++freed;
      word = at.state.load();
    }
    if (phase_of(word) == kReady) rewind(sequence_of(word));
  }
  const std::size_t begin = std::max<std::size_t>(piece.first, capacity_);
  for (std::size_t i = begin; i < piece.end(spots()); ++i) {
    Slot& letter = dead_slot(i - capacity_);
    std::uint64_t word = letter.state.load();
    if (phase_of(word) != kWriting || !dead.contains(owner_in(word))) continue;
    if (letter.state.compare_exchange_strong(word, pack(0, kFree, kNobody))) ++freed;
  }
  return freed;
}

std::vector<Hold> MessageQueue::holds(Spots piece) const {
  std::vector<Hold> holds;
  for (std::size_t i = piece.first; i < piece.end(capacity_); ++i) {
    const std::uint64_t word = slot(i).state.load(std::memory_order_relaxed);
    if (phase_of(word) != kTaken && phase_of(word) != kWriting) continue;
    holds.push_back({owner_in(word), static_cast<std::uint32_t>(i), sequence_of(word)});
  }
  return holds;
}

}  // namespace prefork::ipc
