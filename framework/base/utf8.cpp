#include "framework/base/utf8.hpp"

namespace prefork::base {

Character first_character(std::string_view text) noexcept {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {1, true, first};
  const Utf8Lead lead = utf8_lead(first);
  if (lead.following == 0) return {1, false, 0};
  char32_t code = first & (0x3fU >> lead.following);
  for (std::size_t i = 1; i <= lead.following; ++i) {
    if (i == text.size()) return {i, false, 0};
    const auto byte = static_cast<unsigned char>(text[i]);
    const unsigned char low = i == 1 ? lead.low : 0x80;
    const unsigned char high = i == 1 ? lead.high : 0xbf;
    if (byte < low || byte > high) return {i, false, 0};
    code = code << 6 | (byte & 0x3fU);
  }
  return {lead.following + std::size_t{1}, true, code};
}

std::size_t utf8_length(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const Character at = first_character(text);
  return at.valid ? at.length : 0;
}

std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes) noexcept {
  if (text.size() <= max_bytes) return text;
  constexpr std::size_t kMostBefore = 3;  // the most bytes of a character that a cut could leave
  for (std::size_t back = 1; back <= kMostBefore && back <= max_bytes; ++back) {
    if (utf8_length(text.substr(max_bytes - back)) > back) return text.substr(0, max_bytes - back);
  }
  return text.substr(0, max_bytes);
}

void append_utf8(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    out.append(length > 0 ? text.substr(0, length) : kReplacement);
    text.remove_prefix(length > 0 ? length : 1);
  }
}

}  // namespace prefork::base
