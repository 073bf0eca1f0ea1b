#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// JSON strings with their quotes (RFC 8259 7), from any bytes. The result is always valid JSON and UTF-8. Pure.
namespace prefork::base {

/// The use of a string: what is escaped in addition to what RFC 8259 requires, and what replaces bytes that are not
/// UTF-8.
enum class JsonStyle : std::uint8_t {
  answer,  ///< is_deceptive() characters are escaped; each longest incomplete prefix of a character becomes U+FFFD
  log,     ///< is_deceptive() characters are escaped; each byte that is not UTF-8 becomes \xNN, so that nothing is lost
  page,  ///< '<', '>', '&', DEL, U+2028 and U+2029 are escaped, so that the text can be used in a script element of an
         ///< HTML page; U+FFFD as in an answer
};

void append_json_string(std::string& out, std::string_view text, JsonStyle style = JsonStyle::answer);

/// In the style of a log and in at most `max_bytes` (at least 8), including the quotes: a text that does not fit is cut
/// and ends with "...".
void append_bounded_json_string(std::string& out, std::string_view text, std::size_t max_bytes);

}  // namespace prefork::base
