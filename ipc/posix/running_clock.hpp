#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace prefork::ipc {

/// Counts the time in which a process has run: CLOCK_MONOTONIC minus the time in which it could not run. In a frozen
/// container, in a stopped virtual machine and under SIGSTOP of all, nobody did anything, and nobody may be judged for
/// it. The caller says before each look how long it will wait. What passes beyond that plus half a second, which a busy
/// machine may take, is lost and does not count. Pure: times are passed as arguments, all in nanoseconds of
/// CLOCK_MONOTONIC.
class RunningClock {
 public:
  static constexpr std::uint64_t kSlack = 500'000'000;
  static constexpr std::uint64_t kForEver = UINT64_MAX;

  RunningClock() noexcept = default;
  /// @param lost  time lost so far by the process that this one took over from
  explicit RunningClock(std::uint64_t lost) noexcept : lost_(lost) {}

  /// The process is about to wait for at most this long; holds until the next look.
  void allow(std::uint64_t wait) noexcept { allowed_ = wait; }

  /// Looks at the time. Never goes back. @return the running time, as at()
  std::uint64_t look(std::uint64_t now) noexcept {
    const std::uint64_t passed = last_ && now > *last_ ? now - *last_ : 0;
    if (allowed_ < kForEver - kSlack && passed > allowed_ + kSlack) lose(now, passed - allowed_ - kSlack);
    last_ = std::max(last_.value_or(0), now);
    allowed_ = 0;
    return now - lost_;
  }

  /// @return the running time of a moment: for one before a gap, as it was then; for one in a gap, as when the gap
  /// began
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
  /// @return the running time at which the last gap ended; nullopt: there was none
  std::optional<std::uint64_t> resumed() const noexcept { return resumed_; }

 private:
  struct Gap {
    std::uint64_t end;
    std::uint64_t length;
  };
  /// How many gaps are kept. A process silent for longer than all of them counts as gone.
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
