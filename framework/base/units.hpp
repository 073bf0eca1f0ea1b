#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

/// Quantities as text: in the form of a configuration, and for people. Every parse function reads the whole text,
/// without white space around it, and throws std::invalid_argument with one sentence that quotes the text and says what
/// was expected. What a format function writes, its parse function reads back.
namespace prefork::base {

/// Reads `250ms`, `30s`, `5m`, `1h`, `1d`; only a bare `0` needs no unit.
std::chrono::milliseconds parse_duration(std::string_view text);
/// Writes a duration, not negative, in the largest unit that divides it.
std::string format_duration(std::chrono::milliseconds duration);

/// For a sentence, rounded down: "12 ms", "3.4 s", "5m 7s", "3h 2m", "2d 4h"; a negative duration counts as zero.
std::string duration_words(std::chrono::milliseconds duration);
/// For a column, rounded down: "12ms", "3.4s", "5m07s", "3h02m", "2d04h".
std::string short_duration(std::chrono::milliseconds duration);

/// Reads `512`, `512B`, `64KiB`, `10MiB`, `1GiB`.
/// @return bytes, at most INT64_MAX
std::uint64_t parse_size(std::string_view text);
/// Writes bytes in the largest unit that divides them.
std::string format_size(std::uint64_t bytes);
/// For people, rounded: "512 B", "1.4 MiB".
std::string size_words(std::uint64_t bytes);

/// Reads `on`, `off`, `yes`, `no`, `true`, `false`.
bool parse_flag(std::string_view text);
/// Writes `on` or `off`.
std::string format_flag(bool value);

/// Reads a decimal integer from minimum to maximum, both inclusive.
std::int64_t parse_integer(std::string_view text, std::int64_t minimum, std::int64_t maximum);

/// Reads the permission bits of a file in octal, `0660` or `660`, at most 0777.
mode_t parse_mode(std::string_view text);
/// Writes four octal digits.
std::string format_mode(mode_t mode);

}  // namespace prefork::base
