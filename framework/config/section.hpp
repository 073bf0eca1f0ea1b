#pragma once

#include <string>
#include <string_view>

namespace prefork::config {

enum class SectionKind { master, pool, service };

/// Identifies a section of the configuration: `[master]`, which has no name, `[pool NAME]` or `[service NAME]`.
struct SectionId {
  SectionKind kind = SectionKind::master;
  std::string name;

  bool operator==(const SectionId&) const = default;
};

/// @return "master", "pool" or "service"
std::string_view word(SectionKind kind);

/// @return how the section is written: "[pool main]"
std::string label(const SectionId& section);

/// @return the beginning of the section's full keys: "pool.main", "master"
std::string prefix(const SectionId& section);

/// @return whether a pool or service may have this name: a letter or digit, then up to 30 more letters, digits, '_' or
/// '-'. Such a name is valid in a full key, in a variable's name and in a file's name.
bool is_section_name(std::string_view name);

/// @return the section for a kind's word and a name
/// @throws std::invalid_argument, one sentence, for an unknown word, and for a name that is missing, ill-formed, or
/// given to `master`
SectionId make_section_id(std::string_view kind_word, std::string_view name);

}  // namespace prefork::config
