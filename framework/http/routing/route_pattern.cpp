#include "framework/http/routing/route_pattern.hpp"

#include <algorithm>
#include <stdexcept>

#include "framework/http/message/request_state.hpp"
#include "framework/http/wire/char_class.hpp"

namespace prefork::http {
namespace {

[[noreturn]] void refuse(std::string_view pattern, std::string_view why) {
  throw std::invalid_argument("route \"" + std::string(pattern) + "\": " + std::string(why));
}

bool is_name(std::string_view text) noexcept {
  const auto letter = [](char c) { return c == '_' || (to_lower(c) >= 'a' && to_lower(c) <= 'z'); };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || is(c, kDecimalDigit); });
}

PatternSegment parse_segment(std::string_view pattern, std::string_view segment) {
  if (segment.find_first_of("{}") == std::string_view::npos) {
    if (segment == "." || segment == "..") refuse(pattern, "a dot segment never matches");
    return {SegmentKind::literal, std::string(segment)};
  }
  if (segment.front() != '{' || segment.back() != '}' || segment.size() < 2)
    refuse(pattern, "a parameter is a whole segment, {name} or {name...}");
  segment = segment.substr(1, segment.size() - 2);
  const bool rest = segment.ends_with("...");
  if (rest) segment.remove_suffix(3);
  if (!is_name(segment)) refuse(pattern, "a parameter's name is letters, digits and '_'");
  return {rest ? SegmentKind::rest : SegmentKind::param, std::string(segment)};
}

}  // namespace

std::vector<PatternSegment> parse_pattern(std::string_view pattern) {
  if (!pattern.starts_with('/')) refuse(pattern, "it does not begin with '/'");
  if (pattern.find_first_of("?#%") != std::string_view::npos)
    refuse(pattern, "it is a plain path, without query and escapes");
  std::vector<PatternSegment> segments;
  std::vector<std::string_view> names;
  for (std::string_view rest = pattern; !rest.empty();) {
    rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find('/'), rest.size());
    segments.push_back(parse_segment(pattern, rest.substr(0, end)));
    rest.remove_prefix(end);
    if (segments.back().kind == SegmentKind::rest && !rest.empty()) refuse(pattern, "{name...} is not at its end");
  }
  for (const PatternSegment& segment : segments) {
    if (segment.kind == SegmentKind::literal) continue;
    if (std::find(names.begin(), names.end(), segment.text) != names.end()) refuse(pattern, "a name is used twice");
    names.push_back(segment.text);
  }
  if (names.size() > kMaxParams) refuse(pattern, "it has more than 8 parameters");
  return segments;
}

}  // namespace prefork::http
