#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Text from outside, made fit to be shown to people: on terminals, in logs, in messages. Pure.
namespace prefork::config {

/// The beginning of a text.
struct Character {
  std::size_t length;  ///< in bytes, at least one
  bool valid;          ///< false: no UTF-8, and as long as its good beginning
  char32_t code;       ///< of a valid one
};
/// @param text  not empty. Source: Unicode 15, table 3-7
Character first_character(std::string_view text) noexcept;

/// @return whether a character does something to a terminal, or can't be seen, or changes the order in which its
/// neighbours are shown: control characters, bidirectional controls, what has no width, line and paragraph separators.
bool is_deceptive(char32_t code) noexcept;

/// Appends the first character of `text`, or an escape for what is deceptive (\x1b, \u202e, \U000e0041) or no UTF-8
/// (\xff). @return its length in bytes
std::size_t append_visible(std::string& out, std::string_view text);

/// @return the text with all that is deceptive, and all that is no UTF-8, as escapes.
std::string visible(std::string_view text);
/// The same of several lines, whose ends stay.
std::string visible_lines(std::string_view text);

/// @return text in double quotes, fit for a message: escaped as visible() does, cut after 80 bytes.
std::string in_quotes(std::string_view text);

}  // namespace prefork::config
