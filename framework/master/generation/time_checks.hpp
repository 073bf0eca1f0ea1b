#pragma once

#include "framework/master/generation/generation.hpp"

namespace prefork::master {

/// Refuses a generation with contradicting times: a time-out that could never pass, because another one that contains
/// it or does its work ends earlier. Pure.
/// @throws StartupError with file and line
void refuse_contradicting_times(const Generation& generation);

}  // namespace prefork::master
