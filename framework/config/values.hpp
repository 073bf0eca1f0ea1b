#pragma once

#include <prefork/manifest.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace prefork::config {

/// What values are valid: the part that the framework's own keys and a plugin's options have in common.
struct ValueRule {
  OptionType type = OptionType::text;
  std::int64_t minimum = 0;  ///< inclusive; for integer, for duration in ms, for size in bytes
  std::int64_t maximum = 0;  ///< like minimum
  std::vector<std::string> choices;
};

/// Checks a value against its rule.
/// @return its normal form: a duration in milliseconds, a size in bytes and an integer in decimal, a flag as "1" or
/// "0", any kind of text as it is
/// @throws std::invalid_argument, one sentence that quotes the value and says what is expected
std::string normalise(const ValueRule& rule, std::string_view text);

/// Whether number() applies to it; otherwise it is a kind of text.
bool is_number(OptionType type) noexcept;

/// normalise() for the numeric types (integer, duration, size; a flag is 1 or 0), as a number.
std::int64_t number(const ValueRule& rule, std::string_view text);

/// @return the value as a file writes it: "30s", "64KiB", "7"; a negative one in plain digits
std::string written(OptionType type, std::int64_t value);

}  // namespace prefork::config
