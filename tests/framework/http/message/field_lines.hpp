#pragma once

#include <string>

#include "framework/http/wire/response_parts.hpp"

namespace prefork::http::test {

/// The fields of a response, except its media type, as lines of HTTP/1.
inline std::string field_lines(const Response& response) {
  std::string lines;
  for (const Header field : ResponseParts::fields(response))
    lines.append(field.name).append(": ").append(field.value).append("\r\n");
  return lines;
}

}  // namespace prefork::http::test
