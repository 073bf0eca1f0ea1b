#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). Pure; any thread.
namespace prefork::base {

/// What the first byte of a character determines: how many bytes follow, and the range of the first of them. That range
/// excludes overlong forms, surrogates and code points above U+10FFFF; each later byte is from 0x80 to 0xbf.
struct Utf8Lead {
  std::uint8_t following;  ///< 0: no character of several bytes begins with this byte
  std::uint8_t low, high;
};
/// Source: Unicode 15, table 3-7.
constexpr Utf8Lead utf8_lead(unsigned char byte) noexcept {
  if (byte < 0xc2 || byte > 0xf4) return {0, 0, 0};
  if (byte < 0xe0) return {1, 0x80, 0xbf};
  if (byte < 0xf0)
    return {2, static_cast<std::uint8_t>(byte == 0xe0 ? 0xa0 : 0x80),
            static_cast<std::uint8_t>(byte == 0xed ? 0x9f : 0xbf)};
  return {3, static_cast<std::uint8_t>(byte == 0xf0 ? 0x90 : 0x80),
          static_cast<std::uint8_t>(byte == 0xf4 ? 0x8f : 0xbf)};
}

/// The beginning of a text.
struct Character {
  std::size_t length;  ///< in bytes, at least one
  bool valid;          ///< false: not UTF-8; `length` is then that of its valid beginning
  char32_t code;       ///< if valid
};
/// @param text  must not be empty
Character first_character(std::string_view text) noexcept;

/// The length in bytes of the well-formed character at the start of `text`; 0 if there is none.
std::size_t utf8_length(std::string_view text) noexcept;

/// The longest prefix of `text` of at most `max_bytes` that does not cut a character.
std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes) noexcept;

/// Replaces what is not UTF-8: U+FFFD.
inline constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// Appends `text`, with each byte that is not part of a well-formed character replaced.
void append_utf8(std::string_view text, std::string& out);

}  // namespace prefork::base
