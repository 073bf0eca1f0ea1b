#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace prefork::http {

enum class SegmentKind { literal, param, rest };

struct PatternSegment {
  SegmentKind kind;
  std::string text;  ///< the literal, or the name of the parameter
};

/// Splits "/a/{b}/{c...}" into its segments; "/" is one empty literal.
/// @throws std::invalid_argument with the pattern and its fault
std::vector<PatternSegment> parse_pattern(std::string_view pattern);

}  // namespace prefork::http
