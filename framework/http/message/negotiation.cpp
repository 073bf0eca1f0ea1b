#include <prefork/http/negotiation.hpp>

#include <array>

#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/field_cursor.hpp"

namespace prefork::http {
namespace {

constexpr std::size_t kMaxRanges = 64;
constexpr std::size_t kMaxParameters = 16;
constexpr unsigned kFullWeight = 1000;

/// qvalue, RFC 9110 12.4.2. @return thousandths; nullopt: malformed
std::optional<unsigned> parse_weight(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  unsigned weight = text[0] == '1' ? kFullWeight : 0;
  if (text.size() == 1) return weight;
  if (text[1] != '.') return std::nullopt;
  unsigned place = 100;
  for (const char c : text.substr(2)) {
    if (!is(c, kDecimalDigit)) return std::nullopt;
    weight += static_cast<unsigned>(c - '0') * place;
    place /= 10;
  }
  return weight <= kFullWeight ? std::optional(weight) : std::nullopt;
}

/// One media range or coding with its weight; a coding has only a `type`.
struct Range {
  std::string_view type;
  std::string_view subtype;
  std::string_view parameters;  ///< "; a=b", without the weight and what follows it
  unsigned parameter_count = 0;
  unsigned weight = kFullWeight;
};

struct Ranges {
  std::array<Range, kMaxRanges> items;
  std::size_t count = 0;
};

/// Parameters before the weight belong to the range; those after it were once extensions of Accept and are skipped.
bool parse_parameters(std::string_view value, FieldCursor& cursor, Range& range) noexcept {
  const auto position = [value](const FieldCursor& at) { return value.size() - at.left(); };
  const std::size_t begin = position(cursor);
  std::size_t end = begin;
  bool malformed = false;
  bool weighted = false;
  for (std::size_t count = 0; const auto parameter = next_parameter(cursor, malformed); ++count) {
    if (count == kMaxParameters) return false;
    if (!weighted && equals_ignoring_case(parameter->name, "q")) {
      const auto weight = parse_weight(parameter->value);
      if (!weight) return false;
      range.weight = *weight;
      weighted = true;
    } else if (!weighted) {
      ++range.parameter_count;
      end = position(cursor);
    }
  }
  range.parameters = value.substr(begin, end - begin);
  return !malformed;
}

/// @return false: malformed. A list of ranges; empty elements are skipped (RFC 9110 5.6.1.2).
bool parse_ranges(std::string_view value, bool media_types, Ranges& ranges) noexcept {
  FieldCursor cursor(value);
  while (!cursor.skip_blank().at_end()) {
    if (cursor.take(',')) continue;
    if (ranges.count == kMaxRanges) return false;
    Range& range = ranges.items[ranges.count++];
    range.type = cursor.token();
    if (range.type.empty()) return false;
    if (media_types) {
      if (!cursor.take('/')) return false;
      range.subtype = cursor.token();
      if (range.subtype.empty() || (range.type == "*" && range.subtype != "*")) return false;
    }
    if (!parse_parameters(value, cursor, range)) return false;
    if (!cursor.skip_blank().at_end() && !cursor.take(',')) return false;
  }
  return true;
}

bool has_parameter(std::string_view parameters, const FieldParameter& wanted) noexcept {
  FieldCursor cursor(parameters);
  bool malformed = false;
  while (const auto parameter = next_parameter(cursor, malformed)) {
    if (equals_ignoring_case(parameter->name, wanted.name)) return equals_ignoring_case(parameter->value, wanted.value);
  }
  return false;
}

/// How exactly a range matches an offer: 0 not at all, 1 any type, 2 the type, 3 and more the subtype and parameters.
unsigned specificity(const Range& range, std::string_view offer) noexcept {
  FieldCursor cursor(offer);
  const std::string_view type = cursor.token();
  if (range.type == "*") return range.parameter_count == 0 ? 1 : 0;
  if (!equals_ignoring_case(range.type, type) || !cursor.take('/')) return 0;
  if (range.subtype == "*") return range.parameter_count == 0 ? 2 : 0;
  if (!equals_ignoring_case(range.subtype, cursor.token())) return 0;
  const std::string_view offered = offer.substr(offer.size() - cursor.left());
  FieldCursor wanted(range.parameters);
  bool malformed = false;
  while (const auto parameter = next_parameter(wanted, malformed)) {
    if (!has_parameter(offered, *parameter)) return 0;
  }
  return 3 + range.parameter_count;
}

unsigned type_weight(const Ranges& ranges, std::string_view offer) noexcept {
  unsigned best = 0, weight = 0;
  for (std::size_t i = 0; i < ranges.count; ++i) {
    const unsigned exactness = specificity(ranges.items[i], offer);
    if (exactness > best) {
      best = exactness;
      weight = ranges.items[i].weight;
    }
  }
  return weight;
}

bool same_coding(std::string_view a, std::string_view b) noexcept {
  const auto plain = [](std::string_view name) {
    if (equals_ignoring_case(name, "x-gzip")) return std::string_view("gzip");
    if (equals_ignoring_case(name, "x-compress")) return std::string_view("compress");
    return name;
  };
  return equals_ignoring_case(plain(a), plain(b));
}

/// Twice the weight; 1 for an identity that the client does not mention.
unsigned coding_weight(const Ranges& ranges, std::string_view offer) noexcept {
  unsigned weight = equals_ignoring_case(offer, "identity") ? 1 : 0;
  for (std::size_t i = 0; i < ranges.count; ++i) {
    if (same_coding(ranges.items[i].type, offer)) return ranges.items[i].weight * 2;
    if (ranges.items[i].type == "*") weight = ranges.items[i].weight * 2;
  }
  return weight;
}

/// The first of the offers with the greatest weight, unless that is 0.
template <class Weight>
std::optional<std::size_t> heaviest(std::span<const std::string_view> offers, Weight weight_of) noexcept {
  std::optional<std::size_t> best;
  unsigned most = 0;
  for (std::size_t i = 0; i < offers.size(); ++i) {
    if (const unsigned weight = weight_of(offers[i]); weight > most) {
      best = i;
      most = weight;
    }
  }
  return best;
}

}  // namespace

std::optional<std::size_t> prefer_type(std::optional<std::string_view> accept,
                                       std::span<const std::string_view> offers) noexcept {
  if (offers.empty()) return std::nullopt;
  Ranges ranges;
  if (!accept || !parse_ranges(*accept, true, ranges) || ranges.count == 0) return 0;
  return heaviest(offers, [&](std::string_view offer) { return type_weight(ranges, offer); });
}

std::optional<std::size_t> prefer_coding(std::optional<std::string_view> accept_encoding,
                                         std::span<const std::string_view> offers) noexcept {
  Ranges ranges;
  if (!accept_encoding || !parse_ranges(*accept_encoding, false, ranges)) ranges.count = 0;
  const auto best = heaviest(offers, [&](std::string_view offer) { return coding_weight(ranges, offer); });
  if (!best && !accept_encoding && !offers.empty()) return 0;
  return best;
}

}  // namespace prefork::http
