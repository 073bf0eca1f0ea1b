#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace prefork::http {

/// Classes of bytes: one table lookup answers all questions of the parser.
enum CharClass : std::uint8_t {
  kTokenChar = 1,    ///< RFC 9110 5.6.2
  kNotInTarget = 2,  ///< outside visible ASCII, or '#', which no request target may contain (RFC 9112 3.2)
  kQuestionMark = 4,
  kPercent = 8,
  kDot = 16,
  kRegNameChar = 32,  ///< RFC 3986 3.2.2 without percent escapes
  kHexDigit = 64,
  kDecimalDigit = 128
};

constexpr std::array<std::uint8_t, 256> make_char_classes() {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool digit = c >= '0' && c <= '9';
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const char ch = static_cast<char>(c);
    const bool ascii = c > 0 && c < 128;
    unsigned bits = 0;
    if (digit) bits |= kDecimalDigit;
    if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) bits |= kHexDigit;
    if (digit || letter || (ascii && std::string_view("!#$%&'*+-.^_`|~").find(ch) != std::string_view::npos))
      bits |= kTokenChar;
    if (digit || letter || (ascii && std::string_view("-._~!$&'()*+,;=").find(ch) != std::string_view::npos))
      bits |= kRegNameChar;
    if (c <= 0x20 || c >= 0x7f || ch == '#') bits |= kNotInTarget;
    if (ch == '?') bits |= kQuestionMark;
    if (ch == '%') bits |= kPercent;
    if (ch == '.') bits |= kDot;
    table[c] = static_cast<std::uint8_t>(bits);
  }
  return table;
}

inline constexpr std::array<std::uint8_t, 256> kCharClasses = make_char_classes();

constexpr std::uint8_t char_class(char c) noexcept { return kCharClasses[static_cast<unsigned char>(c)]; }
constexpr bool is(char c, CharClass wanted) noexcept { return (char_class(c) & wanted) != 0; }

/// Whether a text is not empty and consists only of that class.
constexpr bool all(std::string_view text, CharClass wanted) noexcept {
  for (const char c : text) {
    if (!is(c, wanted)) return false;
  }
  return !text.empty();
}

/// Compares with ASCII case folding that is right for tokens: '-' and digits have bit 0x20 set already. REQUIRES:
/// `lower` holds only lower-case letters, digits and '-'; `text` has no control characters.
constexpr bool equals_lower(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

constexpr char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

/// Compares any two texts without regard to ASCII case.
constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

/// Removes only spaces and tabs (RFC 9110 5.6.3) from both ends.
constexpr std::string_view trim(std::string_view text) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

constexpr unsigned hex_value(char c) noexcept {
  if (c <= '9') return static_cast<unsigned>(c - '0');
  return static_cast<unsigned>((c | 0x20) - 'a') + 10;
}

}  // namespace prefork::http
