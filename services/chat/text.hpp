#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Checks names and texts. Pure: any bytes may be passed.
namespace chat {

constexpr std::size_t kMaxNameBytes = 32;

/// Takes one character off the front. @return nullopt: there is no valid UTF-8 (RFC 3629) there; nothing was taken
std::optional<char32_t> take_character(std::string_view& text) noexcept;

/// Why this is not a valid name, as a sentence; empty: it is valid. A name is UTF-8 of 1 to 32 bytes without blanks,
/// control characters, invisible characters, ':' and ',', and has neither '/' nor '*' at the front: a member's name
/// must not look like a command, another member's line, or a line of the server.
std::string_view name_fault(std::string_view name) noexcept;

/// The form in which names are compared: ASCII letters in lower case, so that Ada and ada are the same.
std::string folded(std::string_view name);

/// Why this text is not allowed, as a sentence; empty: it is allowed. A text is UTF-8 without control characters (C0,
/// DEL, C1) and without characters that reorder or break other people's lines.
std::string_view text_fault(std::string_view text) noexcept;

/// The line in the form in which it is judged and passed on: tabs become blanks, blanks around it are dropped.
std::string tidied(std::string_view line);

/// Splits off the first word. @return the word; `line` becomes what follows, without the blanks in between
std::string_view take_word(std::string_view& line) noexcept;

}  // namespace chat
