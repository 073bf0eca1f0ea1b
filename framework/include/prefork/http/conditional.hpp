#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include <prefork/api.hpp>
#include <prefork/http/request.hpp>

/// Conditional requests: RFC 9110 8.8 (validators) and 13 (preconditions). Pure; any thread; nothing blocks.
namespace prefork::http {

/// An entity tag (RFC 9110 8.8.3): `"abc"` or `W/"abc"`. A view of the text that it was parsed from.
struct EntityTag {
  std::string_view opaque;  ///< what is between the quotes
  bool weak = false;
};

/// @return nullopt: `text` is not exactly one entity tag
PREFORK_API std::optional<EntityTag> parse_entity_tag(std::string_view text) noexcept;

/// RFC 9110 8.8.3.2: equal, and neither is weak.
constexpr bool strong_match(const EntityTag& a, const EntityTag& b) noexcept {
  return !a.weak && !b.weak && a.opaque == b.opaque;
}
/// RFC 9110 8.8.3.2: equal, weak or not.
constexpr bool weak_match(const EntityTag& a, const EntityTag& b) noexcept { return a.opaque == b.opaque; }

/// Parses a date in any of the three forms of RFC 9110 5.6.7. The two digits of an rfc850 year are read as the latest
/// such year that is not more than 50 years after `now`. The name of the day is not compared with the date.
/// @return nullopt for anything else, and for a date that does not exist
PREFORK_API std::optional<std::time_t> parse_http_date(std::string_view text, std::time_t now) noexcept;
/// "Sun, 06 Nov 1994 08:49:37 GMT". REQUIRES a year from 0 to 9999.
PREFORK_API std::string format_http_date(std::time_t when);

/// What a request's preconditions are compared with: the representation that would be sent, or changed.
struct Validators {
  std::string_view etag;  ///< with its quotes, and W/ where it is weak; empty: none
  std::optional<std::time_t> last_modified = {};
  bool exists = true;  ///< false where there is no representation at all
};

enum class Precondition : std::uint8_t {
  proceed,
  not_modified,  ///< answer with 304 and the validators
  failed,        ///< answer with 412
};

/// Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since in the order of RFC 9110 13.2.2.
/// Methods other than GET and HEAD never get `not_modified`; OPTIONS, TRACE and CONNECT always proceed (13.2.1). A
/// malformed list matches what precedes the fault; a malformed date is ignored, as RFC 9110 13.1.3 and 13.1.4 require.
PREFORK_API Precondition evaluate_preconditions(const Request& request, const Validators& validators,
                                                std::time_t now = std::time(nullptr)) noexcept;

/// The value of Range if it applies: the method is GET, there is one such field, and If-Range, if sent, names the
/// representation by a strong validator (RFC 9110 13.1.5, 14.2). REQUIRES that evaluate_preconditions returned
/// `proceed`.
PREFORK_API std::optional<std::string_view> applicable_range(const Request& request, const Validators& validators,
                                                             std::time_t now = std::time(nullptr)) noexcept;

/// Whether the request has any field that the two functions above use. One pass over its fields.
PREFORK_API bool has_conditions(const Request& request) noexcept;

}  // namespace prefork::http
