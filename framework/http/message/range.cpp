#include <prefork/http/range.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <random>

#include "framework/http/wire/char_class.hpp"

namespace prefork::http {
namespace {

// Roughly what the lines of a part cost: a smaller gap is sent along.
constexpr std::uint64_t kWorthAPart = 80;

/// Takes digits off the front; a number beyond 64 bits becomes the greatest one. @return nullopt: there are none
std::optional<std::uint64_t> take_number(std::string_view& text) noexcept {
  constexpr std::uint64_t kGreatest = std::numeric_limits<std::uint64_t>::max();
  std::size_t digits = 0;
  std::uint64_t value = 0;
  for (; digits < text.size() && is(text[digits], kDecimalDigit); ++digits) {
    const auto digit = static_cast<std::uint64_t>(text[digits] - '0');
    value = value > (kGreatest - digit) / 10 ? kGreatest : value * 10 + digit;
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

struct Spec {
  bool valid = false;
  bool satisfiable = false;
  ByteRange range;
};

/// One range-spec: "0-99", "100-", "-100".
Spec parse_spec(std::string_view text, std::uint64_t size) noexcept {
  Spec spec;
  const auto first = take_number(text);
  if (!text.starts_with('-')) return spec;
  text.remove_prefix(1);
  const auto last = take_number(text);
  spec.valid = text.empty() && (first || last) && !(first && last && *last < *first);
  if (!spec.valid) return spec;
  if (first) {
    spec.satisfiable = *first < size;
    spec.range = {*first, size == 0 ? 0 : std::min(last.value_or(size - 1), size - 1)};
  } else {
    spec.satisfiable = *last > 0;
    spec.range = {size - std::min(*last, size), size == 0 ? 0 : size - 1};
  }
  return spec;
}

bool close_together(const ByteRange& a, const ByteRange& b) noexcept {
  const std::uint64_t first = std::max(a.first, b.first);
  const std::uint64_t last = std::min(a.last, b.last);
  return first <= last || first - last <= kWorthAPart;
}

/// Adds a range. Ranges that it joins become one with it, at the place of the first of them.
void add(std::vector<ByteRange>& ranges, ByteRange range) {
  std::size_t place = ranges.size();
  for (std::size_t i = 0; i < ranges.size();) {
    if (!close_together(ranges[i], range)) {
      ++i;
      continue;
    }
    range = {std::min(ranges[i].first, range.first), std::max(ranges[i].last, range.last)};
    place = std::min(place, i);
    ranges.erase(ranges.begin() + static_cast<std::ptrdiff_t>(i));
    i = 0;  // it has grown, and may touch what it did not touch before
  }
  place = std::min(place, ranges.size());
  ranges.insert(ranges.begin() + static_cast<std::ptrdiff_t>(place), range);
}

std::string random_boundary() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string text = "part-";
  for (int word = 0; word < 3; ++word) {
    unsigned bits = random();
    for (int digit = 0; digit < 8; ++digit, bits >>= 4) text.push_back(kDigits[bits & 15]);
  }
  return text;
}

}  // namespace

RangeSelection select_ranges(std::string_view value, std::uint64_t size) {
  const std::size_t equals = value.find('=');
  if (equals == std::string_view::npos || !equals_ignoring_case(value.substr(0, equals), "bytes")) return {};
  RangeSelection selection;
  std::size_t specs = 0;
  for (std::optional<std::string_view> rest = value.substr(equals + 1); rest;) {
    const std::size_t comma = rest->find(',');
    const std::string_view text = trim(rest->substr(0, comma));
    rest = comma == std::string_view::npos ? std::nullopt : std::optional(rest->substr(comma + 1));
    if (text.empty()) continue;  // RFC 9110 5.6.1.2
    const Spec spec = parse_spec(text, size);
    // A part of an empty representation can't be named, so it is sent as it is.
    if (!spec.valid || ++specs > kMaxRanges || (spec.satisfiable && size == 0)) return {};
    if (spec.satisfiable) add(selection.ranges, spec.range);
  }
  if (specs == 0) return {};
  selection.result = selection.ranges.empty() ? RangeResult::unsatisfiable : RangeResult::partial;
  return selection;
}

std::string content_range(ByteRange range, std::uint64_t size) {
  return "bytes " + std::to_string(range.first) + "-" + std::to_string(range.last) + "/" + std::to_string(size);
}

std::string unsatisfied_content_range(std::uint64_t size) { return "bytes */" + std::to_string(size); }

BodyPart slice(const BodySource& source, ByteRange range) {
  if (const auto* file = std::get_if<SharedFile>(&source)) return FilePart{*file, range.first, range.size()};
  const auto& bytes = std::get<SharedBytes>(source);
  if (range.first == 0 && range.size() == bytes->size()) return bytes;
  return bytes->substr(static_cast<std::size_t>(range.first), static_cast<std::size_t>(range.size()));
}

MultipartRanges multipart_ranges(const BodySource& source, std::uint64_t size, const std::vector<ByteRange>& ranges,
                                 std::string_view media_type, std::string boundary) {
  if (boundary.empty()) boundary = random_boundary();
  MultipartRanges result;
  result.parts.reserve(2 * ranges.size() + 1);
  std::string lines = "--";
  for (const ByteRange& range : ranges) {
    lines.append(boundary).append("\r\n");
    if (!media_type.empty()) lines.append("Content-Type: ").append(media_type).append("\r\n");
    lines.append("Content-Range: ").append(content_range(range, size)).append("\r\n\r\n");
    result.parts.emplace_back(std::move(lines));
    result.parts.push_back(slice(source, range));
    lines = "\r\n--";
  }
  result.parts.emplace_back(lines + boundary + "--\r\n");
  result.content_type = "multipart/byteranges; boundary=" + boundary;
  return result;
}

}  // namespace prefork::http
