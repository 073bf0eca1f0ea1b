#include "framework/worker/loop/timer_wheel.hpp"

#include <algorithm>
#include <bit>

namespace prefork::worker {

TimerWheel::TimerWheel(std::uint64_t now_ms) noexcept : now_(now_ms) {
  for (auto& level : slots_) {
    for (Entry& head : level) head.prev_ = head.next_ = &head;
  }
}

TimerWheel::~TimerWheel() {
  for (auto& level : slots_) {
    for (Entry& head : level) {
      while (!is_empty(head)) head.next_->disarm();
    }
  }
}

void TimerWheel::append(Entry& head, Entry& entry) noexcept {
  entry.prev_ = head.prev_;
  entry.next_ = &head;
  head.prev_->next_ = &entry;
  head.prev_ = &entry;
}

void TimerWheel::arm(Entry& entry, std::uint64_t when_ms) noexcept {
  entry.disarm();
  entry.expires_ = std::max(when_ms, now_ + 1);
  insert(entry);
}

// The level is that of the highest digit (base 64) in which the expiry differs from now: a slot of level
// n is reached when the digits above it are now's.
void TimerWheel::insert(Entry& entry) noexcept {
  const std::uint64_t when = now_ + std::min(entry.expires_ - now_, kFarthest);
  const auto highest_bit = static_cast<unsigned>(std::bit_width((when ^ now_) | (kSlots - 1))) - 1;
  const unsigned level = std::min(highest_bit / kBits, kLevels - 1);
  const auto slot = static_cast<unsigned>(when >> (kBits * level)) & (kSlots - 1);
  append(slots_[level][slot], entry);
  occupied_[level] |= std::uint64_t{1} << slot;
}

std::optional<TimerWheel::Due> TimerWheel::next_due() noexcept {
  for (unsigned level = 0; level < kLevels; ++level) {
    const unsigned shift = kBits * level;
    const auto current = static_cast<unsigned>(now_ >> shift) & (kSlots - 1);
    while (occupied_[level] != 0) {
      const auto ahead =
          static_cast<unsigned>(std::countr_zero(std::rotr(occupied_[level], static_cast<int>(current))));
      const unsigned slot = (current + ahead) & (kSlots - 1);
      if (is_empty(slots_[level][slot])) {
        occupied_[level] &= ~(std::uint64_t{1} << slot);
        continue;
      }
      const std::uint64_t span = std::uint64_t{1} << (shift + kBits);
      std::uint64_t tick = (now_ & ~(span - 1)) + (std::uint64_t{slot} << shift);
      if (slot < current) tick += span;  // only on the top level, which wraps
      return Due{level, slot, tick};
    }
  }
  return std::nullopt;
}

void TimerWheel::fire(const Due& due) {
  Head batch;
  Entry& head = slots_[due.level][due.slot];
  batch.prev_ = head.prev_;
  batch.next_ = head.next_;
  batch.prev_->next_ = batch.next_->prev_ = &batch;
  head.prev_ = head.next_ = &head;
  occupied_[due.level] &= ~(std::uint64_t{1} << due.slot);
  while (!is_empty(batch)) {
    Entry& entry = *batch.next_;
    entry.disarm();
    if (entry.expires_ <= now_) {
      entry.on_timer();
    } else {
      insert(entry);
    }
  }
  batch.prev_ = batch.next_ = nullptr;
}

void TimerWheel::advance(std::uint64_t now_ms) {
  while (const auto due = next_due()) {
    if (due->tick > now_ms) break;
    now_ = std::max(now_, due->tick);
    fire(*due);
  }
  now_ = std::max(now_, now_ms);
}

std::optional<std::uint64_t> TimerWheel::next_tick() noexcept {
  const auto due = next_due();
  if (!due) return std::nullopt;
  return due->tick;
}

}  // namespace prefork::worker
