#pragma once

#include <cstdint>

namespace prefork {

/// How much a line of the log matters: the same for services, workers and the master.
enum class LogLevel : std::uint8_t { debug, info, notice, warning, error };

}  // namespace prefork
