#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace prefork::http {

/// How many bytes the well-formed character at the start of `text` has (RFC 3629: no surrogates, nothing overlong,
/// nothing beyond U+10FFFF); 0 where there is none. Any thread.
std::size_t utf8_length(std::string_view text) noexcept;

/// The character that stands for what is not UTF-8: U+FFFD.
inline constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// Appends `text` with each byte that is not part of a well-formed character replaced.
void append_utf8(std::string_view text, std::string& out);

}  // namespace prefork::http
