#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/config/options.hpp"
#include "framework/config/sources.hpp"

namespace prefork::config {

/// The values of a section once its sources are merged.
struct SectionValues {
  SectionId id;
  Origin origin;  ///< of an implied section that was given values: that of the first value
  /// By the framework's keys, with defaults filled in. Absent: not given anywhere, and without default.
  std::map<std::string, std::vector<OptionValue>> values;
  /// By the plugin's keys.
  std::map<std::string, OptionValue> own;

  /// @return the value of a key that is not a list; nullptr: it has none
  const OptionValue* find(const std::string& key) const;
};

/// Merges by precedence: command line, environment, file, default. A list's values all come from one source.
SectionValues merge(const SectionInput& input);

}  // namespace prefork::config
