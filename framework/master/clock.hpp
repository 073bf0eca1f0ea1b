#pragma once

#include <chrono>

namespace prefork::master {

/// The master's only clock: monotonic, read once per turn of the loop and handed to the policies.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

}  // namespace prefork::master
