#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "ipc/memory/scoreboard.hpp"
#include "ipc/posix/running_clock.hpp"

namespace prefork::master {

/// The master's only clock: CLOCK_MONOTONIC less the time in which the master did not run (ipc::RunningClock). Whatever
/// the master judges by it (time-outs, patience, delays) moves by that time. Read once per turn of the loop and handed
/// to the policies. What others count for themselves, as a service manager does, is not to be measured by it.
class Clock {
 public:
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<Clock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept { return point(running_.look(ipc::monotonic_ns())); }
  /// The running time of a moment of CLOCK_MONOTONIC, which may have passed in another process. Of one that is to come:
  /// if nothing is lost until then.
  static time_point at(std::uint64_t monotonic_ns) noexcept { return point(running_.at(monotonic_ns)); }

  /// To be called before a wait: it may take so long; nullopt: for ever.
  static void allow(std::optional<duration> wait) noexcept {
    running_.allow(wait ? static_cast<std::uint64_t>(wait->count()) : ipc::RunningClock::kForEver);
  }
  /// When the master was last found to run again; nullopt: it has always run.
  static std::optional<time_point> resumed() noexcept {
    const auto at = running_.resumed();
    return at ? std::optional(point(*at)) : std::nullopt;
  }
  /// What was lost so far, for the program that goes on in this one's place.
  static std::uint64_t lost() noexcept { return running_.lost(); }
  static void go_on(std::uint64_t lost) noexcept { running_ = ipc::RunningClock(lost); }

 private:
  static time_point point(std::uint64_t ns) noexcept { return time_point(duration(static_cast<rep>(ns))); }

  static inline ipc::RunningClock running_;
};
using TimePoint = Clock::time_point;

}  // namespace prefork::master
