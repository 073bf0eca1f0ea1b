#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Text from outside, made fit to be shown to people: on terminals, in logs, in messages. Pure.
namespace prefork::base {

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

/// @return `text` fit for a log line: printable ASCII stays, a backslash is doubled, any other byte is \xNN; ends at a
/// NUL byte and, with "...", after `max_bytes` of the original. For bytes that a worker may have written.
std::string escape_untrusted(std::string_view text, std::size_t max_bytes);

/// @return text in double quotes, fit for a message: escaped as visible() does, cut after 80 bytes.
std::string in_quotes(std::string_view text);

}  // namespace prefork::base
