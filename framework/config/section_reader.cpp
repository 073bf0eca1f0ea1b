#include "framework/config/section_reader.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "framework/config/config_error.hpp"
#include "framework/config/listen.hpp"
#include "framework/config/schema.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

SectionReader::SectionReader(SectionValues section, Findings& found) : section_(std::move(section)), found_(found) {}

void SectionReader::refuse(const std::string& key, const OptionValue& value, const std::string& sentence) const {
  found_.add(ConfigError(fmt::format("{}: {} in {}: {}", value.origin.text, key, label(section_.id), sentence)));
}

std::string SectionReader::text(const std::string& key) const {
  const KeySpec& spec = *find_key(section_.id.kind, key);
  const OptionValue& value = *section_.find(key);
  return guarded(key, value, [&] {
    if (value.value.empty() && !spec.may_be_empty) throw std::invalid_argument("the value must not be empty");
    return normalise(spec.rule, value.value);
  });
}

std::optional<std::string> SectionReader::optional_text(const std::string& key) const {
  if (section_.find(key) == nullptr) return std::nullopt;
  return text(key);
}

std::int64_t SectionReader::integer(const std::string& key) const {
  const OptionValue& value = *section_.find(key);
  return guarded(key, value, [&] { return number(find_key(section_.id.kind, key)->rule, value.value); });
}

std::uint64_t SectionReader::size(const std::string& key) const { return static_cast<std::uint64_t>(integer(key)); }

std::chrono::milliseconds SectionReader::duration(const std::string& key) const {
  return std::chrono::milliseconds(integer(key));
}

std::vector<ListenSpec> SectionReader::listeners() const {
  std::vector<ListenSpec> specs;
  for (const auto& value : section_.values.at("listen")) {
    ListenSpec spec = guarded("listen", value, [&] { return parse_listen(value.value); });
    if (spec.address.empty()) continue;  // it is none
    spec.origin = value.origin;
    specs.push_back(std::move(spec));
  }
  return specs;
}

void SectionReader::require_all() const {
  for (const auto& key : keys()) {
    if (key.section != section_.id.kind || !key.required || section_.find(std::string(key.name)) != nullptr) continue;
    // Without its plugin nobody can tell whether a service's other keys are good, but this one is the likely slip.
    for (const auto& [own, value] : section_.own) {
      if (!nearest(own, {std::string(key.name)})) continue;
      throw ConfigError(value.origin.text + ": " + unknown_key(section_.id, own, {std::string(key.name)}));
    }
    throw ConfigError(fmt::format("{}: {} has no {}", section_.origin.text, label(section_.id), in_quotes(key.name)));
  }
}

}  // namespace prefork::config
