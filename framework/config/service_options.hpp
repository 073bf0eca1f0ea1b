#pragma once

#include <map>
#include <string>
#include <vector>

#include <prefork/manifest.hpp>

#include "framework/config/options.hpp"

namespace prefork::config {

/// Checks a service's own options against what its plugin declares, and with the plugin's checks where `declared` has
/// them: in the process that has called its describe().
/// @return every declared option with its value, or else its default, in the normal form of normalise(): a
/// duration in milliseconds, a size in bytes and an integer in decimal, a flag as "1" or "0", a text or choice
/// as it is.
/// @throws ConfigError, with the value's place, on an option that is not declared (naming the nearest), has a
/// wrong value, or is missing; and, with the service's place, on a declaration that can't be met: a name of
/// the framework's own, or a default outside its own range.
std::map<std::string, std::string> check_service_options(const ServiceOptions& service,
                                                         const std::vector<OptionSpec>& declared);

}  // namespace prefork::config
