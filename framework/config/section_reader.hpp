#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "framework/config/merge.hpp"
#include "framework/config/options.hpp"

namespace prefork::config {

/// A merged section's values, checked by the schema's table and typed. A function that finds its value wrong
/// throws ConfigError with the value's place, key and section, and what was expected.
class SectionReader {
 public:
  explicit SectionReader(SectionValues section);

  const SectionValues& section() const { return section_; }
  const Origin& origin_of(const std::string& key) const { return section_.values.at(key).front().origin; }

  std::string text(const std::string& key) const;
  std::optional<std::string> optional_text(const std::string& key) const;
  std::chrono::milliseconds duration(const std::string& key) const;
  std::int64_t integer(const std::string& key) const;
  std::uint64_t size(const std::string& key) const;  ///< bytes
  /// @return nullopt for `auto`.
  std::optional<unsigned> workers() const;
  std::vector<ListenSpec> listeners() const;

  /// @throws ConfigError, with the section's place, if a required key is missing.
  void require_all() const;

 private:
  template <typename Convert>
  auto guarded(const std::string& key, const OptionValue& value, Convert convert) const;

  SectionValues section_;
};

}  // namespace prefork::config
