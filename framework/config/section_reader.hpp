#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "framework/config/findings.hpp"
#include "framework/config/merge.hpp"
#include "framework/config/options.hpp"

namespace prefork::config {

/// A merged section's values, checked by the schema's table and typed. A function that finds its value wrong
/// notes it with the value's place, key and section, and what was expected, and gives a value of no meaning (0,
/// nothing).
class SectionReader {
 public:
  SectionReader(SectionValues section, Findings& found);

  const SectionValues& section() const { return section_; }
  const Origin& origin_of(const std::string& key) const { return section_.values.at(key).front().origin; }

  std::string text(const std::string& key) const;
  std::optional<std::string> optional_text(const std::string& key) const;
  std::chrono::milliseconds duration(const std::string& key) const;
  std::int64_t integer(const std::string& key) const;
  std::uint64_t size(const std::string& key) const;  ///< bytes
  std::vector<ListenSpec> listeners() const;

  /// @return what `parse` makes of each value of the key, which nobody need have given. `parse` takes the text and
  /// throws std::invalid_argument, one sentence about the value.
  template <typename Parse>
  auto each(const std::string& key, Parse parse) const;
  /// The same of a key that holds one value; nullopt where it has none.
  template <typename Parse>
  auto parsed(const std::string& key, Parse parse) const;

  /// @throws ConfigError, with the section's place, if a required key is missing: nothing can be made of the section.
  void require_all() const;

 private:
  template <typename Convert>
  auto guarded(const std::string& key, const OptionValue& value, Convert convert) const;

  void refuse(const std::string& key, const OptionValue& value, const std::string& sentence) const;

  SectionValues section_;
  Findings& found_;
};

/// Runs a conversion; its complaint is noted with the value's place and key.
template <typename Convert>
auto SectionReader::guarded(const std::string& key, const OptionValue& value, Convert convert) const {
  try {
    return convert();
  } catch (const std::invalid_argument& error) {
    refuse(key, value, error.what());
    return decltype(convert()){};
  }
}

template <typename Parse>
auto SectionReader::each(const std::string& key, Parse parse) const {
  std::vector<decltype(parse(std::string()))> results;
  const auto found = section_.values.find(key);
  if (found == section_.values.end()) return results;
  for (const auto& value : found->second) results.push_back(guarded(key, value, [&] { return parse(value.value); }));
  return results;
}

template <typename Parse>
auto SectionReader::parsed(const std::string& key, Parse parse) const {
  auto results = each(key, parse);
  return results.empty() ? std::nullopt : std::optional(std::move(results.front()));
}

}  // namespace prefork::config
