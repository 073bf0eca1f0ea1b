#include "framework/http/web_socket/web_socket_handshake.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <stdexcept>

#include "framework/http/wire/authority.hpp"
#include "framework/http/wire/char_class.hpp"

namespace prefork::http {
namespace {

/// Calls `take` with each element of a comma-separated field, which may be on several lines (RFC 9110 5.6.1), until it
/// returns true.
template <class Take>
bool any_element(const Request& request, std::string_view name, Take take) {
  for (std::size_t i = 0; i < request.header_count(); ++i) {
    const Header field = request.header_at(i);
    if (!equals_ignoring_case(field.name, name)) continue;
    std::string_view rest = field.value;
    while (true) {
      const std::size_t comma = rest.find(',');
      if (take(trim(rest.substr(0, comma)))) return true;
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

bool has_token(const Request& request, std::string_view name, std::string_view token) {
  return any_element(request, name, [&](std::string_view one) { return equals_ignoring_case(one, token); });
}

/// The value of a field that must not be repeated; nullopt if it is missing or on several lines.
std::optional<std::string_view> sole_value(const Request& request, std::string_view name) {
  std::optional<std::string_view> found;
  for (std::size_t i = 0; i < request.header_count(); ++i) {
    const Header field = request.header_at(i);
    if (!equals_ignoring_case(field.name, name)) continue;
    if (found) return std::nullopt;
    found = field.value;
  }
  return found;
}

/// 16 bytes in base64 (RFC 4648 4): 22 digits, of the last of which only the upper two bits count, and the padding.
bool is_key(std::string_view key) noexcept {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return key.size() == 24 && key.ends_with("==") && key.substr(0, 22).find_first_not_of(kDigits) == key.npos;
}

struct Place {
  std::string_view host;
  std::uint16_t port;  ///< 0: not given
};

/// REQUIRES is_authority(authority).
Place split(std::string_view authority) noexcept {
  const std::size_t colon = authority.find(':', authority.front() == '[' ? authority.find(']') : 0);
  if (colon == std::string_view::npos) return {authority, 0};
  std::uint16_t port = 0;
  std::from_chars(authority.data() + colon + 1, authority.data() + authority.size(), port);
  return {authority.substr(0, colon), port};
}

struct Origin {
  std::string_view scheme;
  Place place;  ///< with its port

  bool operator==(const Origin& other) const noexcept {
    return equals_ignoring_case(scheme, other.scheme) && equals_ignoring_case(place.host, other.place.host) &&
           place.port == other.place.port;
  }
};

std::uint16_t port_of(std::string_view scheme) noexcept {
  return equals_ignoring_case(scheme, "http") ? 80 : equals_ignoring_case(scheme, "https") ? 443 : 0;
}

/// RFC 6454 7.1; "null" and anything else without a host is not an origin.
std::optional<Origin> parse_origin(std::string_view text) noexcept {
  const std::size_t end = text.find("://");
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  const std::string_view scheme = text.substr(0, end);
  const std::string_view authority = text.substr(end + 3);
  if (!all(scheme, kTokenChar) || !is_authority(authority)) return std::nullopt;
  Origin origin{scheme, split(authority)};
  if (origin.place.port == 0) origin.place.port = port_of(scheme);
  return origin;
}

bool is_own(const Origin& origin, std::string_view host) noexcept {
  if (port_of(origin.scheme) == 0 || !is_authority(host)) return false;
  Place own = split(host);
  if (own.port == 0) own.port = port_of(origin.scheme);
  return equals_ignoring_case(origin.place.host, own.host) && origin.place.port == own.port;
}

/// The first of the client's list that the options contain; empty: none.
std::string_view choose_subprotocol(const Request& request, const WebSocketOptions& options) {
  std::string_view chosen;
  any_element(request, "Sec-WebSocket-Protocol", [&](std::string_view one) {
    const auto same = std::find(options.subprotocols.begin(), options.subprotocols.end(), one);
    if (same != options.subprotocols.end()) chosen = *same;
    return !chosen.empty();
  });
  return chosen;
}

/// RFC 9110 15.5.22: it names the protocol that the client must upgrade to.
Response upgrade_required(std::string detail) {
  return Response::error(Status::upgrade_required, std::move(detail)).set("Upgrade", "websocket");
}

}  // namespace

std::string accept_value(std::string_view key) {
  const std::string text = std::string(key).append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned bytes = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &bytes, EVP_sha1(), nullptr) != 1) {
    throw std::runtime_error("libcrypto has no SHA-1, which WebSocket handshakes need");
  }
  std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> base64;
  const int length = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(bytes));
  return std::string(base64.begin(), base64.begin() + length);
}

bool may_connect(std::string_view origin, std::string_view host, const WebSocketOptions& options) {
  const std::optional<Origin> asked = parse_origin(origin);
  if (options.origins.empty()) return asked && is_own(*asked, host);
  return std::any_of(options.origins.begin(), options.origins.end(), [&](const std::string& allowed) {
    return allowed == "*" || (asked && parse_origin(allowed) == asked);
  });
}

bool may_be_listed(std::string_view origin) noexcept {
  if (origin == "*") return true;
  const std::optional<Origin> parsed = parse_origin(origin);
  // A URI's name may hold these, but no browser sends them: it must have been meant as a list or a wildcard.
  return parsed && parsed->place.host.find_first_of("*,;") == std::string_view::npos;
}

Response answer_handshake(const Request& request, const WebSocketOptions& options) {
  if (request.method() != Method::get || request.minor_version() == 0 || !has_token(request, "Upgrade", "websocket") ||
      !has_token(request, "Connection", "upgrade")) {
    return upgrade_required("This resource is for WebSocket connections only.");
  }
  const auto version = sole_value(request, "Sec-WebSocket-Version");
  if (version != "13") {
    return upgrade_required("Only version 13 of the WebSocket protocol is supported.")
        .set("Sec-WebSocket-Version", "13");
  }
  const auto key = sole_value(request, "Sec-WebSocket-Key");
  if (!key || !is_key(*key)) {
    return Response::error(Status::bad_request, "One Sec-WebSocket-Key of 16 bytes in base64 is needed.");
  }
  if (request.header("Origin")) {
    const auto origin = sole_value(request, "Origin");
    if (!origin || !may_connect(*origin, request.host(), options)) {
      return Response::error(Status::forbidden, "Pages of this origin may not connect.");
    }
  }
  Response response(Status::switching_protocols);
  response.set("Upgrade", "websocket").set("Sec-WebSocket-Accept", accept_value(*key));
  if (const std::string_view chosen = choose_subprotocol(request, options); !chosen.empty()) {
    response.set("Sec-WebSocket-Protocol", chosen);
  }
  return response;
}

}  // namespace prefork::http
