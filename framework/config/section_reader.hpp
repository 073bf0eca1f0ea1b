#pragma once

#include <span>
#include <stdexcept>
#include <string>

#include "framework/config/findings.hpp"
#include "framework/config/merge.hpp"
#include "framework/config/option_table.hpp"
#include "framework/config/options.hpp"

namespace prefork::config {

/// A merged section's values, and how they become its options.
class SectionReader {
 public:
  SectionReader(SectionValues section, Findings& found);

  const SectionValues& section() const { return section_; }
  const Origin& origin_of(const std::string& key) const { return section_.values.at(key).front().origin; }

  /// Sets the members of MasterOptions, PoolOptions or ServiceOptions that have a row in the option table. A mistake is
  /// recorded with the value's place, key and section, and what was expected; its member stays as it is.
  /// @param auto_workers  what `auto` stands for in a number of workers
  template <class Section>
  void fill(Section& options, unsigned auto_workers = 1) const;

  /// @throws ConfigError, with the section's place, if a required key is missing: the section can't be used
  void require_all() const;

 private:
  void refuse(std::string_view key, const OptionValue& value, const std::string& sentence) const;

  SectionValues section_;
  Findings& found_;
};

template <class Section>
void SectionReader::fill(Section& options, unsigned auto_workers) const {
  for (const auto& row : rows_of(options)) {
    const auto given = section_.values.find(std::string(row.key.name));
    if (given == section_.values.end()) continue;
    for (const OptionValue& value : given->second) {
      try {
        row.set(options, value, auto_workers);
      } catch (const std::invalid_argument& error) {
        refuse(row.key.name, value, error.what());
      }
    }
  }
}

}  // namespace prefork::config
