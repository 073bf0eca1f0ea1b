#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ipc/objects/party.hpp"

namespace prefork::ipc {

/// Which workers sleep until a shared object changes: a bit per slot, in shared memory. A view.
///
/// A sleeper announces itself, tries once more, and only then sleeps; whoever changes the object looks here after the
/// change. Both steps are sequentially consistent, so one of the two sees the other. If a dead worker left its bit set
/// or swallowed a wake-up, the repair makes up for it by waking everyone.
class WaitingSet {
 public:
  using Word = std::atomic<std::uint64_t>;
  static constexpr std::size_t words(std::size_t slots) noexcept { return (slots + 63) / 64; }
  /// Whole cache lines.
  static constexpr std::size_t bytes(std::size_t slots) noexcept { return (words(slots) * sizeof(Word) + 63) & ~63UL; }

  WaitingSet() = default;
  /// @param memory  bytes(slots) zeroed bytes, 64-byte aligned
  WaitingSet(void* memory, std::size_t slots) noexcept : words_(static_cast<Word*>(memory), words(slots)) {}

  /// @return false: the slot was already announced
  bool announce(std::size_t slot) const noexcept { return (words_[slot / 64].fetch_or(bit(slot)) & bit(slot)) == 0; }
  /// @return true: the bit was still set, so nobody chose this sleeper. False: a wake-up was spent on it; if it does
  /// not use what it was woken for, it must pass the wake-up on by wake_one().
  bool retract(std::size_t slot) const noexcept { return (words_[slot / 64].fetch_and(~bit(slot)) & bit(slot)) != 0; }
  bool announced(std::size_t slot) const noexcept { return (words_[slot / 64].load() & bit(slot)) != 0; }
  /// Must be called after a sequentially consistent change of the object.
  bool any() const noexcept {
    for (const Word& word : words_) {
      if (word.load() != 0) return true;
    }
    return false;
  }
  std::size_t count() const noexcept;

  /// Chooses one sleeper, the next after `after` in the order of slots, and rings its bell.
  /// @return false: there is none
  bool wake_one(const Bells& bells, std::size_t after) const noexcept;
  void wake_all(const Bells& bells) const noexcept;

  bool operator==(const WaitingSet& other) const noexcept { return words_.data() == other.words_.data(); }

 private:
  static constexpr std::uint64_t bit(std::size_t slot) noexcept { return std::uint64_t{1} << (slot % 64); }

  std::span<Word> words_;
};

}  // namespace prefork::ipc
