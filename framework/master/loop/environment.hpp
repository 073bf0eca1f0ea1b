#pragma once

#include <string>

namespace prefork::master {

/// Takes a variable out of the process's environment, so that no child inherits it.
/// @return its value; empty: it is not there. Not thread-safe, as getenv(3).
std::string take_variable(const char* name);

}  // namespace prefork::master
