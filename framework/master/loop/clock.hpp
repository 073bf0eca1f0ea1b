#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "ipc/memory/scoreboard.hpp"
#include "ipc/posix/running_clock.hpp"

namespace prefork::master {

/// The master's only clock: CLOCK_MONOTONIC minus the time in which the master did not run (ipc::RunningClock).
/// Everything that the master judges by it (time-outs, patience, delays) is extended by that time. It is read once per
/// turn of the loop and passed to the policies. It must not measure what others count for themselves, such as a service
/// manager.
class Clock {
 public:
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept { return point(running_.look(ipc::monotonic_ns())); }
  /// The running time at a moment of CLOCK_MONOTONIC, which may have passed in another process. For a future moment:
  /// the running time then, if nothing is lost until then.
  static time_point at(std::uint64_t monotonic_ns) noexcept { return point(running_.at(monotonic_ns)); }

  /// Must be called before a wait that may last this long; nullopt: for ever.
  static void allow(std::optional<duration> wait) noexcept {
    running_.allow(wait ? static_cast<std::uint64_t>(wait->count()) : ipc::RunningClock::kForEver);
  }
  /// When the master was last found running again after a gap; nullopt: it has always run.
  static std::optional<time_point> resumed() noexcept {
    const auto at = running_.resumed();
    return at ? std::optional(point(*at)) : std::nullopt;
  }
  /// The time lost so far, for the program that takes this one's place.
  static std::uint64_t lost() noexcept { return running_.lost(); }
  static void go_on(std::uint64_t lost) noexcept { running_ = ipc::RunningClock(lost); }

 private:
  static time_point point(std::uint64_t ns) noexcept { return time_point(duration(static_cast<rep>(ns))); }

  static inline ipc::RunningClock running_;
};
using TimePoint = Clock::time_point;

}  // namespace prefork::master
