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
  /// The first parameter of that name, a quoted string with its escapes undone.
  std::optional<std::string> parameter(std::string_view name) const;
};

/// @return nullopt where it is malformed
std::optional<ContentType> parse_content_type(std::string_view value) noexcept;

/// What the body of a request is. @throws Error 415 where Content-Type is missing or malformed, or the body has a
/// Content-Encoding, none of which is undone here. `wanted` ends the sentence for the client.
ContentType content_type_of(const Request& request, std::string_view wanted);

}  // namespace prefork::http
