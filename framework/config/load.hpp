#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <prefork/manifest.hpp>

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

/// The folder in which this process was started, by the name that it was entered by, if that still leads there.
std::filesystem::path working_folder();

/// Reads, merges and checks the configuration. Called by the master, at start and at reload. Blocks on the
/// disk only. Paths of the framework's own that are relative to the file's folder are made absolute.
/// @throws ConfigError with the exit code: EX_USAGE (64), EX_NOINPUT (66), EX_NOPERM (77), else EX_CONFIG (78).
Options load(const Sources& sources);

/// Reads back what dump() wrote: no file, environment or command line counts. @param name  for messages
/// @throws ConfigError
Options load_dump(const std::string& text, const std::string& name);

/// By service: what its plugin declares.
using DeclaredOptions = std::map<std::string, std::vector<OptionSpec>>;

/// The effective configuration as a file that load() reads back to the same options, each value with a
/// comment that says where it comes from.
/// @param declared for services whose manifests are known: the defaults of their plugins' options are written
/// too, and secrets that the file gives itself are masked. Without them it is for no human eyes.
std::string dump(const Options& options, const DeclaredOptions& declared = {});

}  // namespace prefork::config
