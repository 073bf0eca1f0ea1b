#pragma once

#include "framework/master/generation/generation.hpp"

namespace prefork::master {

/// Refuses a generation whose times contradict each other: one that could never come, since another that contains it
/// or does its work is over before. Pure.
/// @throws StartupError with file and line
void refuse_contradicting_times(const Generation& generation);

}  // namespace prefork::master
