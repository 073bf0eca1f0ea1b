#include "framework/config/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options/option.hpp>
#include <boost/program_options/parsers.hpp>
#include <cctype>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "framework/config/config_error.hpp"
#include "framework/config/ini_files.hpp"
#include "framework/config/schema.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

namespace po = boost::program_options;

constexpr std::string_view kVariablePrefix = "PREFORK_";
constexpr std::string_view kClientVariable = "PREFORK_CONTROL";  // preforkctl's

/// The values of one source, and where each of them stands.
struct Source {
  po::parsed_options options{nullptr};
  std::vector<Origin> origins;  ///< as options.options

  void add(const SectionId& section, const std::string& key, const std::string& value, const Origin& origin) {
    options.options.emplace_back(prefix(section) + "." + key, std::vector<std::string>{value});
    origins.push_back(origin);
  }
};

bool is_list(SectionKind kind, std::string_view key) {
  const KeySpec* spec = find_key(kind, key);
  return spec != nullptr && spec->list;
}

void refuse_unknown(const SectionId& section, const std::string& key, const Origin& origin) {
  // A service's other keys are its plugin's.
  if (section.kind == SectionKind::service || find_key(section.kind, key) != nullptr) return;
  throw ConfigError(origin.text + ": " + unknown_key(section, key, key_names(section.kind)));
}

class Merger {
 public:
  std::vector<MergedSection> merge(const Sources& sources) {
    Source file = read_file(sources);
    Source command_line = read_command_line(sources);
    Source environment = read_environment(sources);
    store(file);
    store(environment);
    store(command_line);
    return std::move(sections_);
  }

 private:
  MergedSection& section(const SectionId& id, const Origin& origin) {
    const auto at = std::find_if(sections_.begin(), sections_.end(), [&](const auto& s) { return s.id == id; });
    if (at != sections_.end()) return *at;
    return sections_.emplace_back(MergedSection{id, origin, {}});
  }

  bool exists(const SectionId& id) const {
    // These two are there without being written.
    if (id.kind == SectionKind::master || id == SectionId{SectionKind::pool, "main"}) return true;
    return std::any_of(sections_.begin(), sections_.end(), [&](const auto& s) { return s.id == id; });
  }

  Source read_file(const Sources& sources) {
    Source source;
    if (!sources.config_file) {
      if (sources.plugin) {
        add_plugin(sources);
        return source;
      }
      throw ConfigError("no configuration: give -c FILE, or --plugin PLUGIN and --listen ADDRESS", EX_USAGE);
    }
    if (sources.plugin) throw ConfigError("--plugin goes without a configuration file", EX_USAGE);
    if (!sources.listen.empty()) throw ConfigError("--listen goes with --plugin", EX_USAGE);
    DiskFiles files;
    for (const auto& part : parse_ini(files.read(*sources.config_file), files).sections) {
      section(part.id, part.origin);
      std::map<std::string, Origin> seen;
      for (const auto& entry : part.entries) {
        refuse_unknown(part.id, entry.key, entry.origin);
        const auto [first, fresh] = seen.emplace(entry.key, entry.origin);
        if (!fresh && !is_list(part.id.kind, entry.key)) {
          throw ConfigError(fmt::format("{}: key {} stands already at {}", entry.origin.text, in_quotes(entry.key),
                                        first->second.text));
        }
        source.add(part.id, entry.key, entry.value, entry.origin);
      }
    }
    return source;
  }

  // The plugin's file name, without folder and ending, names the service.
  void add_plugin(const Sources& sources) {
    std::string name = sources.plugin->substr(sources.plugin->rfind('/') + 1);
    if (name.ends_with(".so")) name.resize(name.size() - 3);
    std::replace_if(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0 && c != '-'; }, '_');
    if (!is_section_name(name)) throw ConfigError("--plugin " + in_quotes(*sources.plugin) + " names no plugin", EX_USAGE);
    plugin_ = SectionId{SectionKind::service, name};
    section(plugin_, {"--plugin"});
  }

  Source read_command_line(const Sources& sources) {
    Source source;
    if (sources.plugin) {
      source.add(plugin_, "plugin", *sources.plugin, {"--plugin"});
      for (const auto& address : sources.listen) source.add(plugin_, "listen", address, {"--listen"});
    }
    for (const auto& text : sources.overrides) {
      const Origin origin{"-o " + text};
      const auto equals = text.find('=');
      if (equals == std::string::npos) throw ConfigError("-o " + in_quotes(text) + ": expected KEY=VALUE", EX_USAGE);
      auto [id, key] = split_key(text.substr(0, equals), sources.plugin.has_value(), origin);
      if (!exists(id)) refuse_section(id, origin);
      section(id, origin);
      refuse_unknown(id, key, origin);
      source.add(id, key, text.substr(equals + 1), origin);
    }
    return source;
  }

  std::pair<SectionId, std::string> split_key(const std::string& full, bool short_allowed, const Origin& origin) const {
    const auto dot = full.find('.');
    if (dot == std::string::npos && short_allowed) return {plugin_, full};
    try {
      if (dot == std::string::npos) throw std::invalid_argument("expected section.name.key=value");
      const std::string word = full.substr(0, dot);
      if (word == "master") return {make_section_id(word, ""), full.substr(dot + 1)};
      const auto second = full.find('.', dot + 1);
      if (second == std::string::npos) throw std::invalid_argument("expected section.name.key=value");
      return {make_section_id(word, full.substr(dot + 1, second - dot - 1)), full.substr(second + 1)};
    } catch (const std::invalid_argument& error) {
      throw ConfigError(origin.text + ": " + error.what(), EX_USAGE);
    }
  }

  [[noreturn]] void refuse_section(const SectionId& id, const Origin& origin) const {
    std::vector<std::string> names;
    for (const auto& known : sections_) {
      if (known.id.kind == id.kind) names.push_back(known.id.name);
    }
    throw ConfigError(fmt::format("{}: there is no {}{}", origin.text, label(id), did_you_mean(id.name, names)));
  }

  static std::string variable_form(std::string_view text) {
    std::string name(text);
    for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : '_';
    return name;
  }

  Source read_environment(const Sources& sources) {
    Source source;
    for (const auto& variable : sources.environment) {
      const auto equals = variable.find('=');
      const std::string name = variable.substr(0, equals);
      if (!name.starts_with(kVariablePrefix) || name == kClientVariable || equals == std::string::npos) continue;
      const auto [id, key] = match_variable(name);
      section(id, {name});
      refuse_unknown(id, key, {name});
      source.add(id, key, variable.substr(equals + 1), {name});
    }
    return source;
  }

  // The longest section that the variable's name begins with, since '_' stands for '-' and '.' alike.
  std::pair<SectionId, std::string> match_variable(const std::string& name) const {
    std::vector<SectionId> candidates{{SectionKind::master, ""}, {SectionKind::pool, "main"}};
    for (const auto& known : sections_) candidates.push_back(known.id);
    const SectionId* best = nullptr;
    std::size_t length = 0;
    for (const auto& id : candidates) {
      const std::string start = std::string(kVariablePrefix) + variable_form(prefix(id)) + "_";
      if (!name.starts_with(start) || start.size() <= length || name.size() == start.size()) continue;
      best = &id;
      length = start.size();
    }
    if (best == nullptr) throw ConfigError("environment variable " + name + " stands for no key of the configuration");
    return {*best, key_of(*best, name.substr(length))};
  }

  static std::string key_of(const SectionId& id, const std::string& rest) {
    for (const auto& key : key_names(id.kind)) {
      if (variable_form(key) == rest) return key;
    }
    std::string key = rest;
    for (char& c : key) c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return key;
  }

  // Called from the weakest source to the strongest: the first value of a key drops what weaker ones said.
  void store(const Source& source) {
    std::map<std::string, bool> fresh;
    for (std::size_t i = 0; i < source.options.options.size(); ++i) {
      const po::option& option = source.options.options[i];
      for (auto& target : sections_) {
        const std::string start = prefix(target.id) + ".";
        if (!option.string_key.starts_with(start)) continue;
        const std::string key = option.string_key.substr(start.size());
        if (key.find('.') != std::string::npos) continue;
        auto& values = target.values[key];
        const bool first = fresh.emplace(option.string_key, true).second;
        if (first || !is_list(target.id.kind, key)) values.clear();
        values.push_back({key, option.value.front(), source.origins[i]});
      }
    }
  }

  std::vector<MergedSection> sections_;
  SectionId plugin_;
};

}  // namespace

std::vector<MergedSection> merge_sources(const Sources& sources) { return Merger().merge(sources); }

}  // namespace prefork::config
