#include "framework/config/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "framework/base/units.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

void check_range(const ValueRule& rule, std::int64_t value, std::string_view text) {
  if (value >= rule.minimum && value <= rule.maximum) return;
  const std::string least = written(rule.type, rule.minimum);
  if (rule.maximum == std::numeric_limits<std::int64_t>::max()) {
    throw std::invalid_argument(fmt::format("{} is out of range, expected at least {}", in_quotes(text), least));
  }
  throw std::invalid_argument(
      fmt::format("{} is out of range, expected {} to {}", in_quotes(text), least, written(rule.type, rule.maximum)));
}

void check_choice(const std::vector<std::string>& choices, std::string_view text) {
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return;
  throw std::invalid_argument(
      fmt::format("{} is not one of {}{}", in_quotes(text), fmt::join(choices, ", "), did_you_mean(text, choices)));
}

}  // namespace

bool is_number(OptionType type) noexcept {
  return type == OptionType::integer || type == OptionType::flag || type == OptionType::duration ||
         type == OptionType::size;
}

std::int64_t number(const ValueRule& rule, std::string_view text) {
  std::int64_t value = 0;
  switch (rule.type) {
    case OptionType::integer:
      return base::parse_integer(text, rule.minimum, rule.maximum);
    case OptionType::flag:
      return base::parse_flag(text) ? 1 : 0;
    case OptionType::duration:
      value = base::parse_duration(text).count();
      break;
    case OptionType::size:
      value = static_cast<std::int64_t>(base::parse_size(text));
      break;
    case OptionType::text:
    case OptionType::choice:
    case OptionType::secret:
    case OptionType::folder:
    case OptionType::file:
      throw std::logic_error("a text is no number");
  }
  check_range(rule, value, text);
  return value;
}

std::string written(OptionType type, std::int64_t value) {
  if (value >= 0 && type == OptionType::duration) return base::format_duration(std::chrono::milliseconds(value));
  if (value >= 0 && type == OptionType::size) return base::format_size(static_cast<std::uint64_t>(value));
  return std::to_string(value);
}

std::string normalise(const ValueRule& rule, std::string_view text) {
  if (rule.type == OptionType::choice) check_choice(rule.choices, text);
  return is_number(rule.type) ? std::to_string(number(rule, text)) : std::string(text);
}

}  // namespace prefork::config
