#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <prefork/api.hpp>

namespace prefork::http {

/// Request methods, RFC 9110 9.3 and RFC 5789; `erase` is DELETE. `other` is any other token; it is answered with 501.
enum class Method : std::uint8_t { get, head, post, put, erase, patch, options, trace, connect, other };

inline constexpr std::size_t kMethods = static_cast<std::size_t>(Method::other);

/// "GET", "HEAD", ...; empty for `other`. Any thread.
PREFORK_API std::string_view to_string(Method method) noexcept;

/// Methods are case-sensitive (RFC 9110 9.1). @return `other` for a name that is not in the enumeration
PREFORK_API Method method_from(std::string_view name) noexcept;

}  // namespace prefork::http
