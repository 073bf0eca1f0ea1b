#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "framework/config/section.hpp"
#include "framework/config/values.hpp"

/// The framework's own keys, from the option table (option_table.cpp): what the file, the environment and the command
/// line may set, and the help.
namespace prefork::config {

/// A worker's slot is named by 16 bits of shared memory; zero means nobody, and the last number the master.
constexpr unsigned kMaxSlots = 65'534;

struct KeySpec {
  SectionKind section = SectionKind::master;
  std::string_view name;
  std::string_view argument;  ///< the value's placeholder in the help: "DURATION"
  ValueRule rule;
  std::optional<std::string> default_value;  ///< as written in a file; nullopt: unset, or must be given
  std::string_view help;
  bool list = false;          ///< can be repeated
  bool required = false;      ///< must be given, and not empty
  bool may_be_empty = false;  ///< text: empty means none
};

/// Every key, section by section.
std::span<const KeySpec> keys();

/// @return nullptr: the section's kind has no such framework key
const KeySpec* find_key(SectionKind section, std::string_view name);

/// @return the names of a section's keys.
std::vector<std::string> key_names(SectionKind section);

/// The sentence, without a place, about a key that a section can't have; `known` are those that it can. Names the
/// nearest of them, or the kind of section that the key belongs to.
std::string unknown_key(const SectionId& section, std::string_view key, const std::vector<std::string>& known);

/// @return the table as text for people, 100 columns wide, with types, defaults and one sentence each
std::string key_help();

}  // namespace prefork::config
