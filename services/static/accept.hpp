#pragma once

#include <cstdint>
#include <string_view>

#include <prefork/http/request.hpp>

namespace services::static_files {

enum class Coding : std::uint8_t { identity, gzip, brotli };

/// The codings that there are of a file, beside itself.
struct Offer {
  bool gzip = false;
  bool brotli = false;
};

/// Picks the coding that the client's Accept-Encoding likes best (RFC 9110 12.5.3), of equals the smaller one. Without
/// that field, and where nothing offered is acceptable, it is the file as it is.
Coding choose_coding(const prefork::http::Request& request, Offer offer) noexcept;

/// How an Accept field stands to HTML (RFC 9110 12.5.1).
enum class HtmlWish : std::uint8_t { refused, accepted, named };
HtmlWish html_wish(const prefork::http::Request& request) noexcept;

}  // namespace services::static_files
