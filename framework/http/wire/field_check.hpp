#pragma once

#include <string_view>

namespace prefork::http {

/// Checks a field line of a response (RFC 9110 5.5, 5.6.2).
/// @throws std::invalid_argument if the name is not a token, the value holds a control character, or the worker writes
/// the field itself: Connection, Content-Length, Date, Server, Transfer-Encoding
void check_field(std::string_view name, std::string_view value);

}  // namespace prefork::http
