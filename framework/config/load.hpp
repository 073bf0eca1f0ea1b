#pragma once

#include <optional>
#include <string>
#include <vector>

#include "framework/config/options.hpp"

namespace prefork::config {

/// Where a configuration comes from. What stands higher on the command line's side wins: the command
/// line over the environment, the environment over the file, the file over the defaults. A list
/// (`listen`) of a higher source replaces the lower one's.
struct Sources {
  std::optional<std::string> config_file;
  std::vector<std::string> overrides;    ///< `-o`: "section.name.key=value"; with a plugin also "key=value"
  std::vector<std::string> environment;  ///< NAME=VALUE; those that begin with PREFORK_ count
  std::optional<std::string> plugin;     ///< without a file: this one plugin, as a service named after it
  std::vector<std::string> listen;       ///< with `plugin`
};

/// Reads, merges and checks the configuration. Blocks on the disk. @throws ConfigError
Options load(const Sources& sources);

/// The effective configuration as a file that load() reads back, with each section's origin.
std::string dump(const Options& options);

}  // namespace prefork::config
