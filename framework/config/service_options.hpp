#pragma once

#include <map>
#include <string>
#include <vector>

#include <prefork/manifest.hpp>

#include "framework/config/options.hpp"

namespace prefork::config {

/// Checks a service's own keys against what its plugin declared.
/// @return every declared option, the default where the configuration says nothing, normalised as
/// normalise() does. @throws ConfigError: an unknown key, a value of the wrong kind, one that must be given.
std::map<std::string, std::string> check_service_options(const ServiceOptions& service,
                                                         const std::vector<OptionSpec>& declared);

}  // namespace prefork::config
