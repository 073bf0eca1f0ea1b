#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

#include "framework/master/loop/clock.hpp"
#include "ipc/memory/scoreboard.hpp"

/// How long a worker may be silent, given its services' request-timeouts. The worker beats before each piece of work,
/// so while it works, the silence is the age of whatever blocks everything else. That says more than the age of an
/// activity: a waiting coroutine blocks nobody. While it waits for events it beats once a second. Pure.
namespace prefork::master {

/// A request that is late by less is left to end by itself: ending its worker would end other requests too, and the
/// machine may be what is slow.
inline constexpr std::chrono::milliseconds kGrace{500};

/// A waiting worker is usually silent for this long...
inline constexpr std::chrono::milliseconds kBeatPeriod{1000};

/// ...and may be for at least this much longer if its machine is busy. Beyond that it has been stopped.
inline constexpr std::chrono::milliseconds kLeastWaiting{2000};

/// @param activity  what the worker says it is doing: any values
/// @param waits  whether it says that it waits for events
/// @param timeouts  request-timeouts of the worker's services by their index; zero: no limit
/// @return nullopt: no limit. A request may take the limit of its service plus kGrace. For other work (a coroutine that
///   continues with a body) the server cannot tell which service it belongs to: it may last as long as the most patient
///   service allows. So may waiting, beyond kBeatPeriod, but at least kLeastWaiting.
std::optional<std::chrono::milliseconds> request_patience(const ipc::Activity& activity, bool waits,
                                                          std::span<const std::chrono::milliseconds> timeouts) noexcept;

/// When to look at a worker again whose activity may change without notice.
/// @param last_beat  its last heartbeat, or the time it entered its state if that is later
/// @return nullopt: none of the services has a limit. Never before `now`.
std::optional<TimePoint> next_look(TimePoint last_beat, TimePoint now,
                                   std::span<const std::chrono::milliseconds> timeouts) noexcept;

}  // namespace prefork::master
