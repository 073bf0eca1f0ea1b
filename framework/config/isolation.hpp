#pragma once

#include <string_view>

#include "framework/config/options.hpp"
#include "framework/config/section_reader.hpp"

namespace prefork::config {

/// Reads what a pool's section says of isolation, and looks for what contradicts itself. Touches no file.
/// @throws ConfigError, which starts with the place of the mistake.
IsolationOptions read_isolation(const SectionReader& in);

/// @return "off", "default" or "strict".
std::string_view profile_name(SeccompProfile profile);

}  // namespace prefork::config
