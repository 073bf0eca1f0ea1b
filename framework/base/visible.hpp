#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Makes text from outside fit for people: on terminals, in logs, in messages. Pure.
namespace prefork::base {

/// @return whether a character controls a terminal, is invisible, or changes the order in which its neighbours are
/// shown: control characters, bidirectional controls, characters without width, line and paragraph separators
bool is_deceptive(char32_t code) noexcept;

/// Appends the first character of `text`, or an escape if it is deceptive (\x1b, \u202e, \U000e0041) or not UTF-8
/// (\xff). @return its length in bytes
std::size_t append_visible(std::string& out, std::string_view text);

/// @return the text with everything that is deceptive or not UTF-8 as escapes
std::string visible(std::string_view text);
/// Does the same for several lines, and keeps their line ends.
std::string visible_lines(std::string_view text);

/// @return `text` made fit for a log line: printable ASCII stays, a backslash is doubled, any other byte becomes \xNN.
/// It ends at a NUL byte and, with "...", after `max_bytes` of the original. For bytes that a worker may have written.
std::string escape_untrusted(std::string_view text, std::size_t max_bytes);

/// @return the text in double quotes, for a message: escaped as by visible(), cut after 80 bytes
std::string in_quotes(std::string_view text);

}  // namespace prefork::base
