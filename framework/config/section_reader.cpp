#include "framework/config/section_reader.hpp"

#include <fmt/format.h>

#include <utility>

#include "framework/config/config_error.hpp"
#include "framework/config/schema.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

SectionReader::SectionReader(SectionValues section, Findings& found) : section_(std::move(section)), found_(found) {}

void SectionReader::refuse(std::string_view key, const OptionValue& value, const std::string& sentence) const {
  found_.add(ConfigError(fmt::format("{}: {} in {}: {}", value.origin.text, key, label(section_.id), sentence)));
}

void SectionReader::require_all() const {
  for (const auto& key : keys()) {
    if (key.section != section_.id.kind || !key.required || section_.find(std::string(key.name)) != nullptr) continue;
    // Without the plugin it is unknown whether a service's other keys are valid, but this one is probably a mistyped
    // key.
    for (const auto& [own, value] : section_.own) {
      if (!nearest(own, {std::string(key.name)})) continue;
      throw ConfigError(value.origin.text + ": " + unknown_key(section_.id, own, {std::string(key.name)}));
    }
    throw ConfigError(fmt::format("{}: {} has no {}", section_.origin.text, label(section_.id), in_quotes(key.name)));
  }
}

}  // namespace prefork::config
