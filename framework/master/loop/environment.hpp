#pragma once

#include <string>

namespace prefork::master {

/// Removes a variable from the process's environment, so that no child inherits it.
/// @return its value; empty: it is not set. Not thread-safe, like getenv(3).
std::string take_variable(const char* name);

}  // namespace prefork::master
