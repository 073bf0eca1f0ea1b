#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <prefork/manifest.hpp>

#include "framework/config/options.hpp"

namespace prefork::config {

/// The sources of a configuration. The command line takes precedence over the environment, the environment over the
/// file, the file over the defaults. A list (`listen`) of one source replaces that of a lower one.
struct Sources {
  std::optional<std::string> config_file;
  std::vector<std::string> overrides;    ///< `-o`: "section.name.key=value"; with a plugin also "key=value"
  std::vector<std::string> environment;  ///< NAME=VALUE; only those that begin with PREFORK_ count
  std::optional<std::string> plugin;     ///< instead of a file: this one plugin, as a service named after it
  std::vector<std::string> listen;       ///< with `plugin`
};

/// The folder in which this process was started, by the name by which it was entered, if that still leads there.
std::filesystem::path working_folder();

/// Reads, merges and checks the configuration. Called by the master, at start and at reload. Blocks only on the disk.
/// The framework's own paths that are relative to the file's folder are made absolute.
/// @throws ConfigError with the exit code: EX_USAGE (64), EX_NOINPUT (66), EX_NOPERM (77), else EX_CONFIG (78)
Options load(const Sources& sources);

/// Reads back what dump() wrote, without any file, environment or command line. @param name  for messages
/// @throws ConfigError
Options load_dump(const std::string& text, const std::string& name);

/// By service: the options that its plugin declares.
using DeclaredOptions = std::map<std::string, std::vector<OptionSpec>>;

/// The effective configuration as a file that load() reads back to the same options, each value with a comment that
/// says where it comes from.
/// @param declared  for services whose manifests are known: the defaults of their plugins' options are written too, and
/// secrets given in the file itself are masked. Without it the text must not be shown to people.
std::string dump(const Options& options, const DeclaredOptions& declared = {});

}  // namespace prefork::config
