#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <prefork/http/request.hpp>

namespace prefork::http {

/// A Content-Type, RFC 9110 8.3.1. Views point into the field.
struct ContentType {
  std::string_view type;
  std::string_view subtype;
  std::string_view parameters;  ///< ";a=b" and so on

  bool is(std::string_view wanted_type, std::string_view wanted_subtype) const noexcept;
  /// The first parameter with that name; the escapes of a quoted string are decoded.
  std::optional<std::string> parameter(std::string_view name) const;
};

/// @return nullopt: malformed
std::optional<ContentType> parse_content_type(std::string_view value) noexcept;

/// The type of a request's body. @throws Error 415 if Content-Type is missing or malformed, or if the body has a
/// Content-Encoding, none of which is supported. `wanted` ends the sentence for the client.
ContentType content_type_of(const Request& request, std::string_view wanted);

}  // namespace prefork::http
