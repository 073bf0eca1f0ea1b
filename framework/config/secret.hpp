#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/manifest.hpp>

#include "framework/config/options.hpp"

/// Options of the kind `secret`: where their values lie, and that nobody sees them.
namespace prefork::config {

constexpr std::size_t kMaxSecretBytes = 64 * 1024;

/// @return whether the text says where a secret lies ("file:/etc/x", "env:NAME", "credential:NAME"), and is none
/// itself.
bool names_secret(std::string_view text) noexcept;

/// What may be shown of a secret option: where it lies, or else that it is given.
std::string masked(std::string_view text);

/// The options with masks in the place of secrets: for a child that looks at the others.
ServiceOptions without_secrets(ServiceOptions service, const std::vector<OptionSpec>& declared);

/// The variables of the environment that options name as the places of secrets ("env:NAME"): no child shall have them.
/// Those of texts that only look like it are among them, since the kinds of options are not known before plugins are.
std::vector<std::string> secret_variables(const Options& options);

/// Puts the secrets themselves into `values`, which check_service_options() has left as they were written. Read with
/// the caller's rights, a regular file at most, without one line end at the end. Process: master, a test. Blocks: on
/// the disk.
/// @throws ConfigError with the option's place, never with a secret in it
void read_secrets(const ServiceOptions& service, const std::vector<OptionSpec>& declared,
                  std::map<std::string, std::string>& values);

}  // namespace prefork::config
