#pragma once

#include <cstdint>
#include <string_view>

#include <prefork/http/request.hpp>

namespace services::static_files {

enum class Coding : std::uint8_t { identity, gzip, brotli };

/// The codings that exist for a file, besides the file itself.
struct Offer {
  bool gzip = false;
  bool brotli = false;
};

/// Picks the coding that the client's Accept-Encoding prefers (RFC 9110 12.5.3), of equals the smaller one. Without
/// that field, and if nothing offered is acceptable, the file as it is.
Coding choose_coding(const prefork::http::Request& request, Offer offer) noexcept;

/// What an Accept field says about HTML (RFC 9110 12.5.1).
enum class HtmlWish : std::uint8_t { refused, accepted, named };
HtmlWish html_wish(const prefork::http::Request& request) noexcept;

}  // namespace services::static_files
