#include "framework/config/load.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "framework/config/config_error.hpp"
#include "framework/config/cpus.hpp"
#include "framework/config/errand.hpp"
#include "framework/config/findings.hpp"
#include "framework/config/ini_files.hpp"
#include "framework/config/resolve.hpp"
#include "framework/config/sources.hpp"
#include "framework/config/wording.hpp"

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

std::string about_links(const std::vector<std::string>& links) {
  std::string names;
  for (const auto& name : links) names += (names.empty() ? "" : ", ") + (is_key(name) ? name : in_quotes(name));
  return "variables of Kubernetes' service links are no configuration and passed over (enableServiceLinks: false "
         "leaves "
         "them out): " +
         names;
}

// Relative to the folder by its given name: for what stays while releases come and go, such as sockets and logs.
void make_absolute(Options& options, const std::filesystem::path& folder) {
  const auto place = [&](std::string& path) {
    if (!path.empty() && path.front() != '/') path = (folder / path).lexically_normal().string();
  };
  place(options.master.control);
  place(options.master.pid_file);
  place(options.master.syslog_socket);
  if (options.master.log != "stderr" && options.master.log != "syslog") place(options.master.log);
  for (auto& service : options.services) {
    for (auto& listener : service.listeners) {
      if (listener.path.empty() || listener.path.front() == '/') continue;
      const std::string scheme = listener.address.substr(0, listener.address.size() - listener.path.size());
      place(listener.path);
      listener.address = scheme + listener.path;
    }
  }
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

std::filesystem::path working_folder() {
  const char* const name = std::getenv("PWD");
  std::error_code error;
  const bool same = name != nullptr && name[0] == '/' && std::filesystem::equivalent(name, ".", error) && !error;
  return same ? std::filesystem::path(name) : std::filesystem::current_path(error);
}

Options load_dump(const std::string& text, const std::string& name) {
  NoFiles files;
  return resolve(from_document(parse_ini({name, name, text}, files)), 1);
}

Options load(const Sources& sources) {
  check_usage(sources);
  Document document;
  std::filesystem::path named;
  std::string real;
  if (sources.config_file) {
    begin_errand("reading " + *sources.config_file);
    const std::filesystem::path folder = std::filesystem::path(*sources.config_file).parent_path();
    std::error_code error;
    // A pipe's folder (/dev/stdin) has no meaning. A failure is reported with the file that can't be read.
    if (std::filesystem::is_regular_file(*sources.config_file, error)) {
      named = working_folder() / folder;
      real = std::filesystem::canonical(named, error).string();
    }
    DiskFiles files(folder.string(), real);
    document = parse_ini(files.read(*sources.config_file), files);
  }
  Findings found;
  std::vector<SectionInput> sections = from_document(document, found);
  std::string only_service;
  if (sources.plugin) only_service = add_plugin(sections, *sources.plugin, sources.listen);
  std::vector<std::string> links;
  found.note([&] { add_overrides(sections, sources.overrides, only_service); });
  found.note([&] { links = add_environment(sections, sources.environment); });
  Options options = resolve(sections, auto_workers(), found);
  found.throw_if_any();
  options.folder = real;
  if (!real.empty()) make_absolute(options, named);
  if (!links.empty()) options.notes.push_back(about_links(links));
  return options;
}

}  // namespace prefork::config
