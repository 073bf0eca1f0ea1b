#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/config/ini.hpp"
#include "framework/config/load.hpp"
#include "framework/config/section.hpp"

namespace prefork::config {

/// One section with every value that holds for it, whichever source it came from.
struct MergedSection {
  SectionId id;
  Origin origin;
  std::map<std::string, std::vector<Entry>> values;  ///< by key; more than one only of a list
};

/// Brings file, environment and command line into one, each as boost::program_options::parsed_options
/// with full keys ("pool.main.workers"). Knows which keys the framework's sections have; what a plugin's
/// options are it does not know.
/// @return the sections in the order of the file. @throws ConfigError
std::vector<MergedSection> merge_sources(const Sources& sources);

}  // namespace prefork::config
