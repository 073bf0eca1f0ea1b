#include <prefork/http/conditional.hpp>

#include "framework/http/wire/char_class.hpp"

namespace prefork::http {
namespace {

constexpr std::string_view kIfMatch = "if-match";
constexpr std::string_view kIfNoneMatch = "if-none-match";
constexpr std::string_view kIfModifiedSince = "if-modified-since";
constexpr std::string_view kIfUnmodifiedSince = "if-unmodified-since";
constexpr std::string_view kIfRange = "if-range";
constexpr std::string_view kRange = "range";

constexpr bool is_tag_char(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0x21 || (byte >= 0x23 && byte != 0x7f);
}

/// Takes the entity tag at the front off `text`.
std::optional<EntityTag> take_tag(std::string_view& text) noexcept {
  EntityTag tag;
  std::string_view rest = text;
  tag.weak = rest.starts_with("W/");
  if (tag.weak) rest.remove_prefix(2);
  if (!rest.starts_with('"')) return std::nullopt;
  std::size_t end = 1;
  while (end < rest.size() && is_tag_char(rest[end])) ++end;
  if (end == rest.size() || rest[end] != '"') return std::nullopt;
  tag.opaque = rest.substr(1, end - 1);
  text = rest.substr(end + 1);
  return tag;
}

/// Whether a member of the list `1#entity-tag` matches; "*" always matches.
template <class Matches>
bool list_matches(std::string_view list, Matches matches) noexcept {
  if (trim(list) == "*") return true;
  // RFC 9110 5.6.1.2: empty members are ignored.
  for (;;) {
    list = trim(list);
    while (list.starts_with(',')) list = trim(list.substr(1));
    const auto tag = take_tag(list);
    if (!tag) return false;
    if (matches(*tag)) return true;
    list = trim(list);
    if (!list.starts_with(',')) return false;
  }
}

enum class Listed : std::uint8_t { no_such_field, yes, no };

/// RFC 9110 5.3: several lines are one list.
template <class Matches>
Listed find_in_lists(const Request& request, std::string_view name, Matches matches) noexcept {
  Listed result = Listed::no_such_field;
  for (std::size_t i = 0; i < request.header_count(); ++i) {
    const Header field = request.header_at(i);
    if (!equals_ignoring_case(field.name, name)) continue;
    if (list_matches(field.value, matches)) return Listed::yes;
    result = Listed::no;
  }
  return result;
}

/// The value of a field that is not a list; nullopt if there is none or several.
std::optional<std::string_view> only_line(const Request& request, std::string_view name) noexcept {
  std::optional<std::string_view> value;
  for (std::size_t i = 0; i < request.header_count(); ++i) {
    const Header field = request.header_at(i);
    if (!equals_ignoring_case(field.name, name)) continue;
    if (value) return std::nullopt;
    value = field.value;
  }
  return value;
}

std::optional<std::time_t> date_in(const Request& request, std::string_view name, std::time_t now) noexcept {
  const auto value = only_line(request, name);
  return value ? parse_http_date(*value, now) : std::nullopt;
}

/// RFC 9110 13.1.5.
bool if_range_holds(std::string_view condition, const Validators& validators, std::time_t now) noexcept {
  if (const auto tag = parse_entity_tag(condition)) {
    const auto own = parse_entity_tag(validators.etag);
    return own && strong_match(*tag, *own);
  }
  // RFC 9110 8.8.2.2: a date is a strong validator only if it is a second or more before the response's Date.
  const auto date = parse_http_date(condition, now);
  return date && validators.last_modified == date && *date < now;
}

/// RFC 9110 13.2.1: preconditions have no meaning for a method that neither selects nor changes a representation.
bool takes_preconditions(Method method) noexcept {
  return method != Method::connect && method != Method::options && method != Method::trace;
}

}  // namespace

std::optional<EntityTag> parse_entity_tag(std::string_view text) noexcept {
  const auto tag = take_tag(text);
  return text.empty() ? tag : std::nullopt;
}

Precondition evaluate_preconditions(const Request& request, const Validators& validators, std::time_t now) noexcept {
  if (!takes_preconditions(request.method()) || !has_conditions(request)) return Precondition::proceed;
  const auto own = parse_entity_tag(validators.etag);
  const auto strong = [&](const EntityTag& tag) { return own && strong_match(tag, *own); };
  const auto weak = [&](const EntityTag& tag) { return own && weak_match(tag, *own); };
  const bool reads = request.method() == Method::get || request.method() == Method::head;

  const Listed if_match = find_in_lists(request, kIfMatch, strong);
  if (if_match != Listed::no_such_field) {
    if (if_match == Listed::no || !validators.exists) return Precondition::failed;
  } else if (validators.last_modified) {
    const auto date = date_in(request, kIfUnmodifiedSince, now);
    if (date && *validators.last_modified > *date) return Precondition::failed;
  }

  const Listed if_none_match = find_in_lists(request, kIfNoneMatch, weak);
  if (if_none_match != Listed::no_such_field) {
    if (if_none_match == Listed::no || !validators.exists) return Precondition::proceed;
    return reads ? Precondition::not_modified : Precondition::failed;
  }
  if (reads && validators.last_modified) {
    const auto date = date_in(request, kIfModifiedSince, now);
    if (date && *validators.last_modified <= *date) return Precondition::not_modified;
  }
  return Precondition::proceed;
}

std::optional<std::string_view> applicable_range(const Request& request, const Validators& validators,
                                                 std::time_t now) noexcept {
  if (request.method() != Method::get) return std::nullopt;
  const auto range = only_line(request, kRange);
  if (!range || !request.header(kIfRange)) return range;
  const auto condition = only_line(request, kIfRange);
  return condition && if_range_holds(*condition, validators, now) ? range : std::nullopt;
}

bool has_conditions(const Request& request) noexcept {
  for (std::size_t i = 0; i < request.header_count(); ++i) {
    const std::string_view name = request.header_at(i).name;
    switch (name.size()) {
      case kRange.size():
        if (equals_lower(name, kRange)) return true;
        break;
      case kIfMatch.size():
        if (equals_lower(name, kIfMatch) || equals_lower(name, kIfRange)) return true;
        break;
      case kIfNoneMatch.size():
        if (equals_lower(name, kIfNoneMatch)) return true;
        break;
      case kIfModifiedSince.size():
        if (equals_lower(name, kIfModifiedSince)) return true;
        break;
      case kIfUnmodifiedSince.size():
        if (equals_lower(name, kIfUnmodifiedSince)) return true;
        break;
      default:
        break;
    }
  }
  return false;
}

}  // namespace prefork::http
