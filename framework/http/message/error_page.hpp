#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <prefork/http/status.hpp>

namespace prefork::http {

struct ErrorPage {
  std::string_view media_type;  ///< a constant
  std::string body;
};

/// The page with a status and the reason: HTML or JSON if the client prefers that, else text, even if it accepts none
/// of them (RFC 9110 12.5.1). Always UTF-8: other bytes of `detail` are replaced. Pure; any thread.
/// @param detail  one sentence; empty: none
/// @param accept  the value of Accept; nullopt: none
ErrorPage render_error(Status status, std::string_view detail, std::optional<std::string_view> accept);

}  // namespace prefork::http
