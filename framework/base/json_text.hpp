#pragma once

#include <string>
#include <string_view>

namespace prefork::http {

/// Appends a JSON string with its quotes (RFC 8259 7). What is not UTF-8 is replaced by U+FFFD. '<', '>' and '&' are
/// escaped too, so that the text can stand in a script element of an HTML page; U+2028 and U+2029 likewise.
void append_json_string(std::string_view text, std::string& out);

}  // namespace prefork::http
