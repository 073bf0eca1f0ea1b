#include "framework/config/section.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

constexpr std::size_t kMaxNameBytes = 31;

// Not isalnum: the locale must not decide which names are valid.
bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

std::string_view word(SectionKind kind) {
  switch (kind) {
    case SectionKind::master:
      return "master";
    case SectionKind::pool:
      return "pool";
    case SectionKind::service:
      return "service";
  }
  return "";
}

std::string label(const SectionId& section) {
  return section.name.empty() ? fmt::format("[{}]", word(section.kind))
                              : fmt::format("[{} {}]", word(section.kind), section.name);
}

std::string prefix(const SectionId& section) {
  return section.name.empty() ? std::string(word(section.kind))
                              : fmt::format("{}.{}", word(section.kind), section.name);
}

bool is_section_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && is_letter_or_digit(name.front()) &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_letter_or_digit(c) || c == '_' || c == '-'; });
}

SectionId make_section_id(std::string_view kind_word, std::string_view name) {
  if (kind_word == "master") {
    if (!name.empty()) throw std::invalid_argument("the section [master] takes no name, but has " + in_quotes(name));
    return {SectionKind::master, {}};
  }
  if (kind_word != "pool" && kind_word != "service") {
    throw std::invalid_argument("unknown section " + in_quotes(kind_word) +
                                did_you_mean(kind_word, {"master", "pool", "service"}));
  }
  if (name.empty()) throw std::invalid_argument(fmt::format("the section [{0}] needs a name: [{0} NAME]", kind_word));
  if (!is_section_name(name)) {
    throw std::invalid_argument(
        fmt::format("{} can't name a {}: a name is a letter or digit, then up to 30 letters, digits, '_' or '-'",
                    in_quotes(name), kind_word));
  }
  return {kind_word == "pool" ? SectionKind::pool : SectionKind::service, std::string(name)};
}

}  // namespace prefork::config
