#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// JSON strings with their quotes (RFC 8259 7), from any bytes. What is written is always valid JSON and UTF-8. Pure.
namespace prefork::base {

/// For whom a string is written: what is escaped beyond what RFC 8259 demands, and what becomes of bytes that are not
/// UTF-8.
enum class JsonStyle : std::uint8_t {
  answer,  ///< is_deceptive() characters are escaped; U+FFFD for each longest beginning of a character
  log,     ///< is_deceptive() characters are escaped; each byte that is not UTF-8 becomes \xNN, so that nothing is lost
  page,    ///< '<', '>', '&', DEL, U+2028 and U+2029 are escaped, so that the text can stand in a script element of an
           ///< HTML page; U+FFFD as in an answer
};

void append_json_string(std::string& out, std::string_view text, JsonStyle style = JsonStyle::answer);

/// In the style of a log and in `max_bytes` at most, quotes included, which are 8 or more: what does not fit is cut,
/// and "..." says so.
void append_bounded_json_string(std::string& out, std::string_view text, std::size_t max_bytes);

}  // namespace prefork::base
