#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

#include "framework/master/clock.hpp"
#include "ipc/scoreboard.hpp"

/// How long a worker may be silent on account of its services' request-timeouts. A worker gives a sign of life at the
/// start of each request that is limited, and once a second while its event loop turns. So silence is the age of what
/// keeps it from everything else, and says more than the age of an activity: a coroutine that waits keeps nobody.
/// Pure.
namespace prefork::master {

/// A sign of life may be so much older than what keeps the worker since.
inline constexpr std::chrono::milliseconds kBeatPeriod{1000};

/// Work of which no start is known gets no less than this beyond that: an idle worker whose machine is busy may be late
/// with its signs of life.
inline constexpr std::chrono::milliseconds kLeastUnknown{2000};

/// @param activity  what the worker says that it does: any values
/// @param timeouts  request-timeouts of the worker's services by their index; zero: no limit
/// @return nullopt: no limit. A request has that of its service. Of other work it is not known for whom it is done (a
///   coroutine that goes on with a body): it may last as long as the most patient service allows,
///   or kLeastUnknown.
std::optional<std::chrono::milliseconds> request_patience(const ipc::Activity& activity,
                                                          std::span<const std::chrono::milliseconds> timeouts) noexcept;

/// When to look at a worker again whose activity may change without a word.
/// @param last_beat  its last sign of life, or its state's entry if that is later
/// @return nullopt: none of the services has a limit. Never before `now`.
std::optional<TimePoint> next_look(TimePoint last_beat, TimePoint now,
                                   std::span<const std::chrono::milliseconds> timeouts) noexcept;

}  // namespace prefork::master
