#pragma once

#include <string_view>

namespace prefork::http {

/// Whether `text` is uri-host [ ":" port ] with a host that is not empty (RFC 9110 7.2, RFC 3986 3.2.2, 3.2.3). The
/// port may be empty and must be at most 65535.
bool is_authority(std::string_view text) noexcept;

/// Whether `text` is an IPv6 address in the notation of RFC 3986 3.2.2, without brackets.
bool is_ipv6(std::string_view text) noexcept;

}  // namespace prefork::http
