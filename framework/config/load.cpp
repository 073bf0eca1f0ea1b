#include "framework/config/load.hpp"

#include <algorithm>

#include "framework/config/config_error.hpp"
#include "framework/config/cpus.hpp"
#include "framework/config/ini_files.hpp"
#include "framework/config/resolve.hpp"
#include "framework/config/sources.hpp"

namespace prefork::config {

namespace {

void check_usage(const Sources& sources) {
  if (sources.config_file && sources.plugin) {
    throw ConfigError("--plugin goes without a configuration file", EX_USAGE);
  }
  if (!sources.config_file && !sources.plugin) {
    throw ConfigError("no configuration: give -c FILE, or --plugin PLUGIN and --listen ADDRESS", EX_USAGE);
  }
  const auto names_listen = [](const std::string& text) { return text.find("listen=") != std::string::npos; };
  if (sources.plugin && sources.listen.empty() &&
      std::none_of(sources.overrides.begin(), sources.overrides.end(), names_listen)) {
    throw ConfigError("--plugin needs --listen ADDRESS", EX_USAGE);
  }
  if (!sources.listen.empty() && !sources.plugin) throw ConfigError("--listen goes with --plugin", EX_USAGE);
}

/// A dump includes nothing.
class NoFiles final : public IniFiles {
 public:
  std::vector<std::string> expand(const std::string&, const std::string&) override { refuse(); }
  IniText read(const std::string&) override { refuse(); }

 private:
  [[noreturn]] static void refuse() { throw ConfigError("nothing can be included here"); }
};

}  // namespace

Options load_dump(const std::string& text, const std::string& name) {
  NoFiles files;
  return resolve(from_document(parse_ini({name, name, text}, files)), 1);
}

Options load(const Sources& sources) {
  check_usage(sources);
  Document document;
  if (sources.config_file) {
    DiskFiles files;
    document = parse_ini(files.read(*sources.config_file), files);
  }
  std::vector<SectionInput> sections = from_document(document);
  std::string only_service;
  if (sources.plugin) only_service = add_plugin(sections, *sources.plugin, sources.listen);
  add_overrides(sections, sources.overrides, only_service);
  add_environment(sections, sources.environment);
  return resolve(sections, auto_workers());
}

}  // namespace prefork::config
