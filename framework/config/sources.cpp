#include "framework/config/sources.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#include "framework/config/config_error.hpp"
#include "framework/config/findings.hpp"
#include "framework/config/schema.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

bool is_list(const SectionId& section, std::string_view key) {
  const KeySpec* spec = find_key(section.kind, key);
  return spec != nullptr && spec->list;
}

/// A key of a service that the framework doesn't know is left to the plugin's manifest.
void check_known(const SectionId& section, const Entry& entry) {
  if (section.kind == SectionKind::service || find_key(section.kind, entry.key) != nullptr) return;
  throw ConfigError(entry.origin.text + ": " + unknown_key(section, entry.key, key_names(section.kind)));
}

/// @return those that are valid
std::vector<Entry> check_entries(const Section& section, Findings& found) {
  std::vector<Entry> good;
  std::map<std::string_view, const Entry*> seen;
  for (const auto& entry : section.entries) {
    if (!found.note([&] { check_known(section.id, entry); })) continue;
    const auto [first, is_new] = seen.try_emplace(entry.key, &entry);
    if (is_new || is_list(section.id, entry.key)) {
      good.push_back(entry);
    } else {
      found.add(ConfigError(fmt::format("{}: {} in {} is given twice; first at {}", entry.origin.text,
                                        in_quotes(entry.key), label(section.id), first->second->origin.text)));
    }
  }
  return good;
}

[[noreturn]] void usage(const std::string& sentence) { throw ConfigError(sentence, EX_USAGE); }

SectionInput* find(std::vector<SectionInput>& sections, const SectionId& id) {
  const auto found = std::find_if(sections.begin(), sections.end(), [&](const auto& s) { return s.id == id; });
  return found == sections.end() ? nullptr : &*found;
}

/// A section that doesn't exist would start nothing: it is a mistake.
SectionInput& require_section(std::vector<SectionInput>& sections, const SectionId& id, const Origin& origin) {
  if (SectionInput* section = find(sections, id)) return *section;
  std::vector<std::string> names;
  for (const auto& section : sections) {
    if (section.id.kind == id.kind) names.push_back(section.id.name);
  }
  throw ConfigError(fmt::format("{}: there is no {}{}", origin.text, label(id), did_you_mean(id.name, names)));
}

/// "pool.main.workers" -> the section and the key; a short key belongs to the only service.
std::pair<SectionId, std::string> split_key(std::string_view full, std::string_view only_service) {
  const auto last = full.rfind('.');
  if (last == std::string_view::npos) {
    if (only_service.empty()) usage(fmt::format("-o {0}: write the full key, such as service.NAME.{0}", full));
    return {{SectionKind::service, std::string(only_service)}, std::string(full)};
  }
  const std::string_view section = full.substr(0, last);
  const auto dot = std::min(section.find('.'), section.size());
  const std::string_view name = section.substr(std::min(dot + 1, section.size()));
  try {
    return {make_section_id(section.substr(0, dot), name), std::string(full.substr(last + 1))};
  } catch (const std::invalid_argument& error) {
    usage(fmt::format("-o {}: {}", full, error.what()));
  }
}

Entry parse_override(const std::string& full, std::string key, std::string value) {
  if (!is_key(key)) {
    usage(fmt::format("-o {}: {} can't be a key: a key is made of letters, digits, '-' and '_'", full, in_quotes(key)));
  }
  if (key == "include") usage(fmt::format("-o {}: only a file can include files", full));
  Entry entry{std::move(key), std::move(value), {"-o " + full}};
  refuse_forbidden_bytes(entry.value, entry.origin.text);
  return entry;
}

void add_override(std::vector<SectionInput>& sections, const std::string& text, std::string_view only_service) {
  const auto equals = text.find('=');
  const std::string_view start = std::string_view(text).substr(0, equals);
  // Later messages repeat the key as it is, and must stay one line.
  const bool has_control =
      std::any_of(start.begin(), start.end(), [](char c) { return c == '\n' || c == '\t' || is_forbidden_byte(c); });
  if (equals == std::string::npos || equals == 0 || has_control) {
    usage(fmt::format("-o {}: expected SECTION.NAME.KEY=VALUE", in_quotes(text)));
  }
  const std::string full = text.substr(0, equals);
  auto [id, key] = split_key(full, only_service);
  Entry entry = parse_override(full, std::move(key), text.substr(equals + 1));
  SectionInput& section = require_section(sections, id, entry.origin);
  check_known(id, entry);
  if (!is_list(id, entry.key)) std::erase_if(section.command_line, [&](const Entry& e) { return e.key == entry.key; });
  section.command_line.push_back(std::move(entry));
}

}  // namespace

std::vector<SectionInput> from_document(const Document& document) {
  Findings found;
  std::vector<SectionInput> sections = from_document(document, found);
  found.throw_if_any();
  return sections;
}

std::vector<SectionInput> from_document(const Document& document, Findings& found) {
  std::vector<SectionInput> sections;
  for (const auto& section : document.sections) {
    sections.push_back({section.id, section.origin, false, {}, {}, check_entries(section, found)});
  }
  for (const SectionId& id : {SectionId{SectionKind::master, ""}, SectionId{SectionKind::pool, "main"}}) {
    if (find(sections, id) == nullptr) sections.push_back({id, {"implied"}, true});
  }
  return sections;
}

std::string add_plugin(std::vector<SectionInput>& sections, const std::string& plugin,
                       std::span<const std::string> listen) {
  std::string name = plugin.substr(plugin.rfind('/') + 1);
  if (name.ends_with(".so")) name.resize(name.size() - 3);
  for (char& c : name) {
    if (!is_key({&c, 1})) c = '_';
  }
  if (!is_section_name(name)) usage("--plugin " + in_quotes(plugin) + ": the file's name can't name a service");
  SectionInput section{{SectionKind::service, name}, {"--plugin"}};
  section.command_line.push_back({"plugin", plugin, {"--plugin"}});
  for (const auto& address : listen) section.command_line.push_back({"listen", address, {"--listen"}});
  for (const auto& entry : section.command_line) refuse_forbidden_bytes(entry.value, entry.origin.text);
  sections.push_back(std::move(section));
  return name;
}

void add_overrides(std::vector<SectionInput>& sections, std::span<const std::string> overrides,
                   std::string_view only_service) {
  Findings found;
  for (const auto& text : overrides) found.note([&] { add_override(sections, text, only_service); });
  found.throw_if_any();
}

}  // namespace prefork::config
