#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace prefork::ipc {

/// The time in which a process has run: CLOCK_MONOTONIC less the time in which it did not, though it would have. A
/// frozen container, a stopped virtual machine and SIGSTOP of all are time in which nobody did anything, for which
/// nobody may be judged. Whoever looks at the time says before how long it will wait; what has passed beyond that and
/// half a second, which a busy machine may take, is lost and does not count. Pure: times come as arguments, all of them
/// nanoseconds of CLOCK_MONOTONIC.
class RunningClock {
 public:
  static constexpr std::uint64_t kSlack = 500'000'000;
  static constexpr std::uint64_t kForEver = UINT64_MAX;

  RunningClock() noexcept = default;
  /// @param lost  by a process that this one goes on for
  explicit RunningClock(std::uint64_t lost) noexcept : lost_(lost) {}

  /// The process is about to wait for so long at most, once: until the next look.
  void allow(std::uint64_t wait) noexcept { allowed_ = wait; }

  /// Looks at the time. Never goes back. @return the running time, as at()
  std::uint64_t look(std::uint64_t now) noexcept {
    const std::uint64_t passed = last_ && now > *last_ ? now - *last_ : 0;
    if (allowed_ < kForEver - kSlack && passed > allowed_ + kSlack) lose(now, passed - allowed_ - kSlack);
    last_ = std::max(last_.value_or(0), now);
    allowed_ = 0;
    return now - lost_;
  }

  /// @return the running time of a moment: before a gap, as it was then; in a gap, when that began.
  std::uint64_t at(std::uint64_t moment) const noexcept {
    std::uint64_t lost = lost_;
    for (std::size_t i = 0; i < known_; ++i) {
      const Gap& gap = gaps_[(next_ + kGaps - 1 - i) % kGaps];
      if (moment >= gap.end) break;
      lost -= gap.length;
      if (moment > gap.end - gap.length) return gap.end - gap.length - lost;
    }
    return moment - std::min(lost, moment);
  }

  std::uint64_t lost() const noexcept { return lost_; }
  /// @return the running time at which the last gap has ended; nullopt: there was none.
  std::optional<std::uint64_t> resumed() const noexcept { return resumed_; }

 private:
  struct Gap {
    std::uint64_t end;
    std::uint64_t length;
  };
  /// So many are told apart; who was silent for longer than all of them is as good as gone.
  static constexpr std::size_t kGaps = 16;

  void lose(std::uint64_t end, std::uint64_t length) noexcept {
    gaps_[next_] = {end, length};
    next_ = (next_ + 1) % kGaps;
    known_ = std::min(known_ + 1, kGaps);
    lost_ += length;
    resumed_ = end - lost_;
  }

  std::optional<std::uint64_t> last_;
  std::uint64_t allowed_ = 0;
  std::uint64_t lost_ = 0;
  std::optional<std::uint64_t> resumed_;
  std::array<Gap, kGaps> gaps_{};
  std::size_t next_ = 0;
  std::size_t known_ = 0;
};

}  // namespace prefork::ipc
