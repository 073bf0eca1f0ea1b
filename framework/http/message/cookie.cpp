#include <prefork/http/cookie.hpp>

#include <array>
#include <stdexcept>
#include <string_view>

#include <prefork/http/request.hpp>
#include <prefork/http/response.hpp>

#include "framework/http/message/request_state.hpp"
#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/date_cache.hpp"

namespace prefork::http {
namespace {

constexpr std::size_t kMaxPair = 4096;
constexpr std::size_t kMaxAttribute = 1024;

[[noreturn]] void refuse(const Cookie& cookie, std::string_view why) {
  // The name usually comes from the author, but it may be what is wrong: so it is not repeated in full.
  throw std::invalid_argument("cookie \"" + cookie.name.substr(0, 64) + "\": " + std::string(why));
}

/// cookie-octet, RFC 6265 4.1.1
constexpr bool is_cookie_octet(char c) noexcept {
  return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
}

bool is_value(std::string_view value) noexcept {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
  for (const char c : value) {
    if (!is_cookie_octet(c)) return false;
  }
  return true;
}

/// path-value, RFC 6265 4.1.1; a path that does not begin with '/' is ignored by browsers (5.2.4).
bool is_path(std::string_view path) noexcept {
  for (const char c : path) {
    if (c < 0x20 || c > 0x7e || c == ';') return false;
  }
  return path.starts_with('/') && path.size() <= kMaxAttribute;
}

bool is_label(std::string_view label) noexcept {
  constexpr std::size_t kMaxLabel = 63;
  for (const char c : label) {
    const char lower = to_lower(c);
    if (!(lower >= 'a' && lower <= 'z') && !is(c, kDecimalDigit) && c != '-') return false;
  }
  return !label.empty() && label.size() <= kMaxLabel && label.front() != '-' && label.back() != '-';
}

/// A host name, RFC 1034 3.5, RFC 1123 2.1.
bool is_domain(std::string_view domain) noexcept {
  constexpr std::size_t kMaxDomain = 253;
  if (domain.size() > kMaxDomain) return false;
  for (;;) {
    const std::size_t dot = domain.find('.');
    if (!is_label(domain.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    domain.remove_prefix(dot + 1);
  }
}

bool has_prefix(std::string_view name, std::string_view prefix) noexcept {
  return equals_ignoring_case(name.substr(0, prefix.size()), prefix);
}

void check_attributes(const Cookie& cookie) {
  if (!cookie.path.empty() && !is_path(cookie.path)) refuse(cookie, "the path is malformed");
  if (!cookie.domain.empty() && !is_domain(cookie.domain)) refuse(cookie, "the domain is no host name");
  if (cookie.max_age && cookie.max_age->count() <= 0) refuse(cookie, "max_age is not positive: use Cookie::expired");
  if (cookie.same_site == SameSite::none && !cookie.secure) refuse(cookie, "SameSite::none needs secure");
  if (cookie.partitioned && !cookie.secure) refuse(cookie, "partitioned needs secure");
  // RFC 6265bis 4.1.3
  if (has_prefix(cookie.name, "__Secure-") && !cookie.secure) refuse(cookie, "the prefix __Secure- needs secure");
  if (has_prefix(cookie.name, "__Host-")) {
    if (!cookie.secure) refuse(cookie, "the prefix __Host- needs secure");
    if (cookie.path != "/") refuse(cookie, "the prefix __Host- needs the path /");
    if (!cookie.domain.empty()) refuse(cookie, "the prefix __Host- forbids a domain");
  }
}

void append_expires(const Cookie& cookie, std::string& line) {
  using std::chrono::floor, std::chrono::seconds;
  // A time_point covers 1677 to 2262, which every browser accepts (RFC 6265 5.1.1).
  const auto when = floor<seconds>(*cookie.expires);
  std::array<char, 29> date;
  write_http_date(when.time_since_epoch().count(), date.data());
  line.append("; Expires=").append(date.data(), date.size());
}

std::string_view same_site_text(SameSite same_site) noexcept {
  switch (same_site) {
    case SameSite::unset:
      return "";
    case SameSite::lax:
      return "; SameSite=Lax";
    case SameSite::strict:
      return "; SameSite=Strict";
    case SameSite::none:
      return "; SameSite=None";
  }
  return "";
}

/// set-cookie-string, RFC 6265 4.1.1
std::string set_cookie_string(const Cookie& cookie) {
  if (!all(cookie.name, kTokenChar)) refuse(cookie, "the name is not a token");
  if (!is_value(cookie.value)) refuse(cookie, "the value holds a character that has to be encoded");
  if (cookie.name.size() + cookie.value.size() > kMaxPair) refuse(cookie, "name and value are longer than 4096 bytes");
  check_attributes(cookie);
  std::string line = cookie.name + '=' + cookie.value;
  if (cookie.expires) append_expires(cookie, line);
  if (cookie.max_age) line.append("; Max-Age=").append(std::to_string(cookie.max_age->count()));
  if (!cookie.domain.empty()) line.append("; Domain=").append(cookie.domain);
  if (!cookie.path.empty()) line.append("; Path=").append(cookie.path);
  if (cookie.secure) line.append("; Secure");
  if (cookie.http_only) line.append("; HttpOnly");
  line.append(same_site_text(cookie.same_site));
  if (cookie.partitioned) line.append("; Partitioned");
  return line;
}

/// The value of that name in a cookie-string, RFC 6265 4.2.1.
std::optional<std::string_view> find_pair(std::string_view cookies, std::string_view name) noexcept {
  for (;;) {
    const std::size_t end = cookies.find(';');
    const std::string_view pair = trim(cookies.substr(0, end));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && trim(pair.substr(0, equals)) == name) return trim(pair.substr(equals + 1));
    if (end == std::string_view::npos) return std::nullopt;
    cookies.remove_prefix(end + 1);
  }
}

}  // namespace

// Not Max-Age=0, which the grammar does not allow: every browser understands a date in the past.
Cookie Cookie::expired(std::string name, std::string path) {
  Cookie cookie{.name = std::move(name), .value = {}, .path = std::move(path)};
  cookie.expires = std::chrono::system_clock::time_point{};
  return cookie;
}

Response& Response::set_cookie(const Cookie& cookie) { return add("Set-Cookie", set_cookie_string(cookie)); }

// RFC 9113 8.2.3 allows cookies in several lines; some clients do this in HTTP/1.1.
std::optional<std::string_view> Request::cookie(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < state_.head.field_count; ++i) {
    const Header& field = state_.head.fields[i];
    if (!equals_ignoring_case(field.name, "cookie")) continue;
    if (const auto value = find_pair(field.value, name)) return value;
  }
  return std::nullopt;
}

}  // namespace prefork::http
