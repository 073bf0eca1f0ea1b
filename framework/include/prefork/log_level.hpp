#pragma once

#include <cstdint>

namespace prefork {

/// How important a line of the log is: the same for services, workers and the master.
enum class LogLevel : std::uint8_t { debug, info, notice, warning, error };

}  // namespace prefork
