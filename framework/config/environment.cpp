#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "framework/config/config_error.hpp"
#include "framework/config/schema.hpp"
#include "framework/config/sources.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

constexpr std::string_view kPrefix = "PREFORK_";
/// For other programs of this family; not configuration.
constexpr std::array<std::string_view, 1> kForeign{"PREFORK_CONTROL"};

/// "pool.main.boot-timeout" -> "POOL_MAIN_BOOT_TIMEOUT"
std::string variable_form(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c == '-' || c == '.' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  }
  return out;
}

/// "MAX_AGE" -> "max-age": a plugin's options are lower-case letters, digits and '-', so this is exact.
std::string option_form(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c == '_' ? '-' : (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

/// The beginning of the names of a section's variables.
std::string start_of(const SectionInput& section) {
  return std::string(kPrefix) + variable_form(prefix(section.id)) + '_';
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Takes "_PORT_80_TCP" off the end. @return false: it does not end like that
bool take_port(std::string_view& name) {
  for (const std::string_view protocol : {"_TCP", "_UDP", "_SCTP"}) {
    if (!name.ends_with(protocol)) continue;
    std::string_view rest = name.substr(0, name.size() - protocol.size());
    const auto digits = rest.rfind('_');
    if (digits == std::string_view::npos || !is_number(rest.substr(digits + 1))) return false;
    rest = rest.substr(0, digits);
    if (!rest.ends_with("_PORT")) return false;
    name = rest.substr(0, rest.size() - 5);
    return true;
  }
  return false;
}

/// Whether Kubernetes makes such a variable for a service whose name begins with "prefork": PREFORK_SERVICE_HOST,
/// PREFORK_WEB_PORT=tcp://10.0.0.1:80, PREFORK_PORT_80_TCP_ADDR, ... Source: "Discovering services" of its
/// documentation.
bool is_service_link(std::string_view name, std::string_view value) {
  if (name.ends_with("_SERVICE_HOST")) return value.find_first_not_of("0123456789abcdefABCDEF.:") == std::string::npos;
  const auto service_port = name.rfind("_SERVICE_PORT");
  if (service_port != std::string_view::npos) {
    const std::string_view rest = name.substr(service_port + 13);
    return is_number(value) && (rest.empty() || (rest.size() > 1 && rest.front() == '_'));
  }
  const bool is_address = value.starts_with("tcp://") || value.starts_with("udp://") || value.starts_with("sctp://");
  if (is_address) return name.ends_with("_PORT") || take_port(name);
  for (const std::string_view end : {"_PROTO", "_PORT", "_ADDR"}) {
    std::string_view rest = name.substr(0, name.size() - std::min(name.size(), end.size()));
    if (name.ends_with(end) && take_port(rest)) return true;
  }
  return false;
}

/// The meaning of a variable's name: a key of the section at that index.
struct Target {
  std::size_t section;
  std::string key;
};

using Targets = std::map<std::string, std::vector<Target>>;

/// Every name to which the sections give a meaning.
Targets all_targets(const std::vector<SectionInput>& sections) {
  Targets targets;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const SectionInput& section = sections[i];
    const auto names = key_names(section.id.kind);
    std::set<std::string> keys(names.begin(), names.end());
    for (const auto& entry : section.command_line) keys.insert(entry.key);
    for (const auto& entry : section.file) keys.insert(entry.key);
    const std::string start = start_of(section);
    for (const auto& key : keys) targets[start + variable_form(key)].push_back({i, key});
  }
  return targets;
}

/// What a name that matches no key can be: an option of a plugin. The service with the longest matching name decides.
std::vector<Target> plugin_options(const std::vector<SectionInput>& sections, std::string_view variable) {
  std::vector<Target> best;
  std::size_t longest = 0;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    if (sections[i].id.kind != SectionKind::service) continue;
    const std::string start = start_of(sections[i]);
    if (!variable.starts_with(start) || start.size() < longest) continue;
    const std::string_view end = variable.substr(start.size());
    std::string key = option_form(end);
    if (!is_key(key) || key == "include" || variable_form(key) != end) continue;
    if (start.size() > longest) best.clear();
    longest = start.size();
    best.push_back({i, std::move(key)});
  }
  return best;
}

/// @return nullopt: nothing
std::optional<Target> target_of(const std::vector<SectionInput>& sections, const Targets& targets,
                                const std::string& variable) {
  const auto match = targets.find(variable);
  const std::vector<Target> found = match != targets.end() ? match->second : plugin_options(sections, variable);
  if (found.size() == 1) return found.front();
  if (found.size() > 1) {
    const auto full = [&](const Target& t) { return prefix(sections[t.section].id) + '.' + t.key; };
    throw ConfigError(
        fmt::format("{}: the variable can mean {} as well as {}", variable, full(found[0]), full(found[1])));
  }
  return std::nullopt;
}

[[noreturn]] void refuse_unknown(const Targets& targets, const std::string& variable) {
  std::vector<std::string> names;
  for (const auto& [name, unused] : targets) names.push_back(name);
  // A foreign name may have any bytes, but the message must stay one line.
  throw ConfigError((is_key(variable) ? variable : in_quotes(variable)) +
                    ": the variable stands for no key of the configuration" + did_you_mean(variable, names));
}

/// A variable holds one value, or one value per line for a list.
std::vector<std::string> values_of(const std::string& text, bool list) {
  if (!list) return {text};
  std::vector<std::string> values;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const auto line = trimmed(std::string_view(text).substr(start, end - start));
    if (!line.empty()) values.emplace_back(line);
    start = end + 1;
  }
  // An empty variable is an empty value, which the schema may refuse; it is not the same as no variable.
  if (values.empty()) values.emplace_back();
  return values;
}

}  // namespace

std::vector<std::string> add_environment(std::vector<SectionInput>& sections,
                                         std::span<const std::string> environment) {
  std::vector<std::string> links;
  const Targets targets = all_targets(sections);
  std::set<std::string> seen;
  for (const auto& variable : environment) {
    const auto equals = variable.find('=');
    if (!variable.starts_with(kPrefix) || equals == std::string::npos) continue;
    const std::string name = variable.substr(0, equals);
    if (std::find(kForeign.begin(), kForeign.end(), name) != kForeign.end()) continue;
    // Of two variables with the same name getenv(3) sees the first.
    if (!seen.insert(name).second) continue;
    const auto target = target_of(sections, targets, name);
    const std::string value = variable.substr(equals + 1);
    if (!target && is_service_link(name, value)) {
      links.push_back(name);
      continue;
    }
    if (!target) refuse_unknown(targets, name);
    refuse_forbidden_bytes(value, name);
    SectionInput& section = sections[target->section];
    const KeySpec* spec = find_key(section.id.kind, target->key);
    for (auto& item : values_of(value, spec != nullptr && spec->list)) {
      section.environment.push_back({target->key, std::move(item), {name}});
    }
  }
  return links;
}

}  // namespace prefork::config
