#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <prefork/api.hpp>

/// Which of several representations a client prefers (RFC 9110 12). Pure; any thread; never blocks. The work is
/// bounded: a field with more than 64 ranges or 16 parameters counts as malformed.
namespace prefork::http {

/// Chooses a media type by the value of Accept (RFC 9110 12.5.1). For each offer the most specific matching range
/// counts: `a/b;c=d` before `a/b` before `a/*` before `*/*`. Between offers that the client likes equally, the first
/// one is chosen.
/// @param accept  the value as `Request::header("accept")` returns it
/// @param offers  media types in the server's order of preference, such as "text/html; charset=utf-8"
/// @return the index of the offer; 0 if the field is missing, empty or malformed; nullopt if there is no offer or the
/// client accepts none of them: the answer may be a 406, or the first offer nevertheless
PREFORK_API std::optional<std::size_t> prefer_type(std::optional<std::string_view> accept,
                                                   std::span<const std::string_view> offers) noexcept;

/// Chooses a content coding by the value of Accept-Encoding (RFC 9110 12.5.3). A coding that the client names is
/// preferred to an "identity" that it does not name; "identity" is accepted unless `identity;q=0`, or `*;q=0` alone,
/// excludes it. "x-gzip" is "gzip", "x-compress" is "compress" (8.4.1).
/// @param offers  codings in the server's order of preference, such as {"br", "gzip", "identity"}
/// @return the index of the offer. If the field is missing, empty or malformed: that of "identity"; if it is missing
/// and "identity" is not offered, the first offer. nullopt if the client accepts none of them
PREFORK_API std::optional<std::size_t> prefer_coding(std::optional<std::string_view> accept_encoding,
                                                     std::span<const std::string_view> offers) noexcept;

}  // namespace prefork::http
