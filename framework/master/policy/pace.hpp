#pragma once

#include <chrono>
#include <cstdint>

#include "framework/master/loop/clock.hpp"

namespace prefork::master {

/// Limits a rate: a number at once, and from then on one per interval. Pure: time is an argument.
class Pace {
 public:
  struct Limits {
    std::chrono::nanoseconds every{0};  ///< zero: no limit
    unsigned at_once = 1;
  };

  Pace() = default;  ///< no limit
  explicit Pace(const Limits& limits) noexcept : limits_(limits) {}

  /// Takes one. @return false: that is one too many
  bool take(TimePoint now) noexcept {
    if (limits_.every.count() == 0) return true;
    if (next(now) > now) return false;
    full_at_ = (full_at_ > now ? full_at_ : now) + limits_.every;
    return true;
  }
  /// The earliest time at which one more may be taken.
  TimePoint next(TimePoint now) const noexcept {
    if (limits_.every.count() == 0 || full_at_ <= now) return now;
    const TimePoint at = full_at_ - limits_.every * (std::int64_t{limits_.at_once} - 1);
    return at > now ? at : now;
  }

 private:
  Limits limits_;
  TimePoint full_at_{};  ///< when as many as at the start may be taken again
};

/// Limits how many of a worker's log lines are written per second. The lines beyond that are counted, and the count is
/// reported now and then. Pure.
class LogBudget {
 public:
  static constexpr unsigned kSecondsAtOnce = 10;
  static constexpr std::chrono::seconds kTellEvery{10};

  /// @param lines_per_second  zero: no limit
  explicit LogBudget(unsigned lines_per_second = 0) noexcept
      : pace_(Pace::Limits{std::chrono::nanoseconds(lines_per_second > 0 ? 1'000'000'000 / lines_per_second : 0),
                           lines_per_second * kSecondsAtOnce}) {}

  /// Takes a line. @return whether to write it
  bool take(TimePoint now) noexcept {
    if (pace_.take(now)) return true;
    ++dropped_;
    ++untold_;
    return false;
  }
  /// All lines dropped so far.
  std::uint64_t dropped() const noexcept { return dropped_; }
  bool has_to_tell(TimePoint now) const noexcept { return untold_ > 0 && tell_at_ <= now; }
  bool untold() const noexcept { return untold_ > 0; }
  void told(TimePoint now) noexcept {
    untold_ = 0;
    tell_at_ = now + kTellEvery;
  }

 private:
  Pace pace_;
  std::uint64_t dropped_ = 0;
  std::uint64_t untold_ = 0;
  TimePoint tell_at_{};
};

}  // namespace prefork::master
