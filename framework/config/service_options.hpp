#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/manifest.hpp>

#include "framework/config/findings.hpp"
#include "framework/config/options.hpp"

namespace prefork::config {

/// Checks a service's own options against what its plugin declares, and with the plugin's checks if `declared` has
/// them: in the process that has called its describe().
/// @return every declared option with its value or its default, in the normal form of normalise(): a duration in
/// milliseconds, a size in bytes and an integer in decimal, a flag as "1" or "0", a text or choice as it is, a secret
/// as it is written (read_secrets)
/// @throws ConfigError, with the value's place, for an option that is not declared (naming the nearest), has an invalid
/// value, or is missing; and, with the service's place, for a declaration that can't be satisfied: a name of the
/// framework's own, or a default outside its own range
std::map<std::string, std::string> check_service_options(const ServiceOptions& service,
                                                         const std::vector<OptionSpec>& declared);

/// Collects mistakes, and a check's warnings, in `found`; an invalid value is left out.
std::map<std::string, std::string> check_service_options(const ServiceOptions& service,
                                                         const std::vector<OptionSpec>& declared, Findings& found);

/// The verdicts of the plugin's checks on the values, for another process: one per line. In the process that has called
/// its describe(). @throws only std::bad_alloc
std::string judge_service_options(const ServiceOptions& service, const std::vector<OptionSpec>& declared);
/// Reads the result of judge_service_options(), which a plugin may have forged.
void read_judgement(std::string_view judgement, Findings& found);

}  // namespace prefork::config
