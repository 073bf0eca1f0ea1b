#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/config/options.hpp"
#include "framework/config/sources.hpp"

namespace prefork::config {

/// What holds for a section once its sources are merged.
struct SectionValues {
  SectionId id;
  Origin origin;  ///< of an implied section that was given values: the first one's
  /// By key of the framework's; defaults are filled in. Absent: given nowhere, and without default.
  std::map<std::string, std::vector<OptionValue>> values;
  /// By key of the plugin's.
  std::map<std::string, OptionValue> own;

  /// @return the value of a key that is no list; nullptr if it has none.
  const OptionValue* find(const std::string& key) const;
};

/// Merges by precedence: command line, environment, file, default. A list's values come from one source.
SectionValues merge(const SectionInput& input);

}  // namespace prefork::config
