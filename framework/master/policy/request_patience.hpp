#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

#include "framework/master/loop/clock.hpp"
#include "ipc/memory/scoreboard.hpp"

/// How long a worker may be silent on account of its services' request-timeouts. It gives a sign of life before each
/// piece of work, so while it works silence is the age of what keeps it from everything else, and says more than the
/// age of an activity: a coroutine that waits keeps nobody. While it waits for events it gives one a second.
/// Pure.
namespace prefork::master {

/// What is late by less is left to end by itself: its worker's end would be the end of other requests too, and it may
/// be its machine that is slow.
inline constexpr std::chrono::milliseconds kGrace{500};

/// A worker that waits is silent for that long as a rule...
inline constexpr std::chrono::milliseconds kBeatPeriod{1000};

/// ...and no less than this longer where its machine is busy. Beyond that it has been stopped.
inline constexpr std::chrono::milliseconds kLeastWaiting{2000};

/// @param activity  what the worker says that it does: any values
/// @param waits  it says that it waits for events
/// @param timeouts  request-timeouts of the worker's services by their index; zero: no limit
/// @return nullopt: no limit. A request has that of its service and kGrace. Of other work it is not known for whom
///   it is done (a coroutine that goes on with a body): it may last as long as the most patient service allows. So may
///   waiting, beyond kBeatPeriod, but not less than kLeastWaiting.
std::optional<std::chrono::milliseconds> request_patience(const ipc::Activity& activity, bool waits,
                                                          std::span<const std::chrono::milliseconds> timeouts) noexcept;

/// When to look at a worker again whose activity may change without a word.
/// @param last_beat  its last sign of life, or its state's entry if that is later
/// @return nullopt: none of the services has a limit. Never before `now`.
std::optional<TimePoint> next_look(TimePoint last_beat, TimePoint now,
                                   std::span<const std::chrono::milliseconds> timeouts) noexcept;

}  // namespace prefork::master
