#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/manifest.hpp>

#include "framework/config/findings.hpp"
#include "framework/config/options.hpp"

namespace prefork::config {

/// Checks a service's own options against what its plugin declares, and with the plugin's checks where `declared` has
/// them: in the process that has called its describe().
/// @return every declared option with its value, or else its default, in the normal form of normalise(): a
/// duration in milliseconds, a size in bytes and an integer in decimal, a flag as "1" or "0", a text or choice
/// as it is, a secret as it is written (read_secrets).
/// @throws ConfigError, with the value's place, on an option that is not declared (naming the nearest), has a
/// wrong value, or is missing; and, with the service's place, on a declaration that can't be met: a name of
/// the framework's own, or a default outside its own range.
std::map<std::string, std::string> check_service_options(const ServiceOptions& service,
                                                         const std::vector<OptionSpec>& declared);

/// The same, but what is wrong, and what a check warns of, goes to `found`; a value that is wrong is left out.
std::map<std::string, std::string> check_service_options(const ServiceOptions& service,
                                                         const std::vector<OptionSpec>& declared, Findings& found);

/// What the plugin's checks say of the values, for another process: a line each. In the process that has called its
/// describe(). @throws nothing but std::bad_alloc
std::string judge_service_options(const ServiceOptions& service, const std::vector<OptionSpec>& declared);
/// What judge_service_options() said, which a plugin may have had its hand in.
void read_judgement(std::string_view judgement, Findings& found);

}  // namespace prefork::config
