#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/manifest.hpp>

#include "framework/config/options.hpp"

/// Options of the kind `secret`: where their values are, and how they are kept from being seen.
namespace prefork::config {

constexpr std::size_t kMaxSecretBytes = 64 * 1024;

/// @return whether the text says where a secret is ("file:/etc/x", "env:NAME", "credential:NAME"), and is not the
/// secret itself
bool names_secret(std::string_view text) noexcept;

/// What may be shown of a secret option: where it is, or else that it is given.
std::string masked(std::string_view text);

/// The options with secrets masked: for a child that checks the others.
ServiceOptions without_secrets(ServiceOptions service, const std::vector<OptionSpec>& declared);

/// The environment variables in which options say that secrets are ("env:NAME"): no child may have them. Texts that
/// only look like this are included, since the kinds of options are unknown until the plugins are known.
std::vector<std::string> secret_variables(const Options& options);

/// Replaces secret references in `values`, which check_service_options() has left as they were written, by the secrets
/// themselves. Reads with the caller's rights, only regular files, without one line end at the end. Process: master, a
/// test. Blocks: on the disk.
/// @throws ConfigError with the option's place, never with a secret in it
void read_secrets(const ServiceOptions& service, const std::vector<OptionSpec>& declared,
                  std::map<std::string, std::string>& values);

}  // namespace prefork::config
