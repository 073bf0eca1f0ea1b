#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <prefork/api.hpp>

namespace prefork::http {

/// Whether a browser sends a cookie with requests that other sites cause (RFC 6265bis 5.6.7).
enum class SameSite : std::uint8_t {
  unset,   ///< no attribute: up to the browser
  lax,     ///< only when the user navigates to a page
  strict,  ///< never
  none     ///< always; needs `secure`
};

/// A cookie for `Response::set_cookie` (RFC 6265 4.1), such as `Cookie{.name = "sid", .value = id, .secure = true}`.
/// Within a co_await expression give it a name first: there g++ 12 destroys such a temporary twice. `set_cookie`
/// refuses what can't be sent with std::invalid_argument, which names it:
/// - a name that is not a token; a value with white space, control characters, bytes beyond ASCII or `" , ; \` (a pair
///   of quotes around it is allowed): encode other values, by base64 or percent escapes
/// - a path that does not begin with '/', or holds ';' or a control character
/// - a domain that is not a host name (written without a leading dot)
/// - `max_age` of 0 or less: use `expired`
/// - SameSite::none or `partitioned` without `secure`
/// - a name that begins with "__Secure-" without `secure`; with "__Host-" without `secure` and path "/", or with a
///   domain
/// - more than 4096 bytes of name and value, or more than 1024 of an attribute: browsers ignore such cookies
struct PREFORK_API Cookie {
  std::string name;
  std::string value;
  std::string path = "/";                            ///< empty: the folder of the request's path
  std::string domain = {};                           ///< empty: only this host
  std::optional<std::chrono::seconds> max_age = {};  ///< takes precedence over `expires`; with neither, it lasts until
                                                     ///< the browser closes
  std::optional<std::chrono::system_clock::time_point> expires = {};
  bool secure = false;    ///< sent only over TLS
  bool http_only = true;  ///< hidden from scripts
  SameSite same_site = SameSite::lax;
  bool partitioned = false;  ///< kept separately for each top-level site

  /// A cookie that makes the browser forget the one with this name and path and no domain. For one with a domain or a
  /// prefixed name, set those attributes as they were.
  static Cookie expired(std::string name, std::string path = "/");
};

}  // namespace prefork::http
