#include "framework/config/schema.hpp"

#include <fmt/format.h>

#include "framework/config/option_table.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

std::vector<KeySpec> all_keys() {
  std::vector<KeySpec> all;
  for (const auto& row : master_rows()) all.push_back(row.key);
  for (const auto& row : pool_rows()) all.push_back(row.key);
  for (const auto& row : service_rows()) all.push_back(row.key);
  return all;
}

/// The section where a key that is unknown here belongs: "[pool NAME]"; empty: nowhere.
std::string home_of(std::string_view key) {
  for (const auto& spec : keys()) {
    if (spec.name != key) continue;
    return spec.section == SectionKind::master ? "[master]" : fmt::format("[{} NAME]", word(spec.section));
  }
  return {};
}

/// @return the text in lines of at most a column's width, the second and later ones indented to its start
std::string in_column(std::string_view text, std::size_t start, std::size_t width) {
  std::string out;
  while (text.size() > width) {
    const auto end = text.rfind(' ', width);
    if (end == std::string_view::npos) break;  // one long word
    out.append(text.substr(0, end)).append("\n").append(start, ' ');
    text.remove_prefix(end + 1);
  }
  return out.append(text);
}

/// "  workers = N    processes of the pool (default auto)"
std::string help_of(const KeySpec& key) {
  constexpr std::size_t kColumns = 100;
  constexpr std::size_t kStart = 32;
  std::string text(key.help);
  if (key.default_value && !key.default_value->empty()) text += fmt::format(" (default {})", *key.default_value);
  if (key.required) text += " (must be given)";
  std::string left = fmt::format("  {} = {}", key.name, key.argument);
  if (left.size() + 2 > kStart) left.append("\n").append(kStart, ' ');  // the text has its own lines
  return fmt::format("{:<{}}{}\n", left, kStart, in_column(text, kStart, kColumns - kStart));
}

}  // namespace

std::span<const KeySpec> keys() {
  static const std::vector<KeySpec> kKeys = all_keys();
  return kKeys;
}

const KeySpec* find_key(SectionKind section, std::string_view name) {
  for (const auto& key : keys()) {
    if (key.section == section && key.name == name) return &key;
  }
  return nullptr;
}

std::vector<std::string> key_names(SectionKind section) {
  std::vector<std::string> names;
  for (const auto& key : keys()) {
    if (key.section == section) names.emplace_back(key.name);
  }
  return names;
}

std::string unknown_key(const SectionId& section, std::string_view key, const std::vector<std::string>& known) {
  const std::string home = home_of(key);
  const std::string hint = home.empty() ? did_you_mean(key, known) : "; it belongs in " + home;
  return fmt::format("unknown key {} in {}{}", in_quotes(key), label(section), hint);
}

std::string key_help() {
  std::string help;
  for (const auto kind : {SectionKind::master, SectionKind::pool, SectionKind::service}) {
    if (!help.empty()) help += '\n';
    help += kind == SectionKind::master ? "[master]\n" : fmt::format("[{} NAME]\n", word(kind));
    for (const auto& key : keys()) {
      if (key.section == kind) help += help_of(key);
    }
  }
  return help;
}

}  // namespace prefork::config
