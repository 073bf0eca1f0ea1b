#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// What a name and a text may be. Pure: any bytes may be asked about.
namespace chat {

constexpr std::size_t kMaxNameBytes = 32;

/// Takes one character off the front. @return nullopt: no valid UTF-8 (RFC 3629) stands there; nothing was taken
std::optional<char32_t> take_character(std::string_view& text) noexcept;

/// Why this is no name, as a sentence; empty: it is one. UTF-8 of 1 to 32 bytes without blanks, control
/// characters, invisible characters, ':' and ',', and neither '/' nor '*' at the front: what a member is called
/// can't pass for a command, for another's line, or for a line of the server's.
std::string_view name_fault(std::string_view name) noexcept;

/// What names are told apart by: ASCII letters in lower case, so that Ada and ada are one.
std::string folded(std::string_view name);

/// Why this can't be said, as a sentence; empty: it can. UTF-8 without control characters (C0, DEL, C1) and
/// without those that reorder or break other people's lines.
std::string_view text_fault(std::string_view text) noexcept;

/// The line as it is judged and said: tabs are blanks, blanks around it are dropped.
std::string tidied(std::string_view line);

/// Splits off the first word. @return it; `line` becomes what follows, without the blanks between
std::string_view take_word(std::string_view& line) noexcept;

}  // namespace chat
