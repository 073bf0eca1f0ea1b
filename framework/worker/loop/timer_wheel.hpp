#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace prefork::worker {

/// A hierarchical timer wheel: six levels of 64 slots, ticks of one millisecond, insertion and removal in constant
/// time. Pure: time is an argument.
class TimerWheel {
 public:
  /// Something with a time. Its destructor removes it from the wheel.
  class Entry {
   public:
    Entry() noexcept = default;
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    bool armed() const noexcept { return next_ != nullptr; }
    /// The tick for which it was armed.
    std::uint64_t expires() const noexcept { return expires_; }
    void disarm() noexcept {
      if (!armed()) return;
      prev_->next_ = next_;
      next_->prev_ = prev_;
      prev_ = next_ = nullptr;
    }

   protected:
    ~Entry() { disarm(); }

   private:
    friend class TimerWheel;
    /// The time has come. The entry is disarmed, and may be armed again or destroyed here.
    virtual void on_timer() = 0;

    Entry* prev_ = nullptr;
    Entry* next_ = nullptr;
    std::uint64_t expires_ = 0;
  };

  explicit TimerWheel(std::uint64_t now_ms) noexcept;
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  /// Arms or rearms the entry for the tick `when_ms`; a tick that has passed fires at the next advance to a later tick.
  /// The entry must stay valid while it is in the wheel, or disarm itself.
  void arm(Entry& entry, std::uint64_t when_ms) noexcept;

  /// Fires what is due at `now_ms`, which must never go back. What callbacks arm waits for a later tick.
  void advance(std::uint64_t now_ms);

  /// The tick at which advance() should be called next: never later than the next expiry, possibly earlier. nullopt:
  /// nothing is armed.
  std::optional<std::uint64_t> next_tick() noexcept;

 private:
  static constexpr unsigned kBits = 6;
  static constexpr unsigned kSlots = 1U << kBits;
  static constexpr unsigned kLevels = 6;
  /// Entries further away are put here and moved on when their slot comes up. It is one slot of the top level less than
  /// a full turn of the wheel: a slot that wraps to the present one would be due at once, for ever.
  static constexpr std::uint64_t kFarthest = (std::uint64_t{kSlots} - 1) << (kBits * (kLevels - 1));

  struct Head final : Entry {
    void on_timer() override {}
  };
  struct Due {
    unsigned level;
    unsigned slot;
    std::uint64_t tick;
  };

  static void append(Entry& head, Entry& entry) noexcept;
  static bool is_empty(const Entry& head) noexcept { return head.next_ == &head; }
  void insert(Entry& entry) noexcept;
  std::optional<Due> next_due() noexcept;
  void fire(const Due& due);

  std::uint64_t now_;
  std::array<std::uint64_t, kLevels> occupied_{};  // a set bit may be stale: its slot may have become empty
  std::array<std::array<Head, kSlots>, kLevels> slots_;
};

}  // namespace prefork::worker
