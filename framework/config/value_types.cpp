#include "framework/config/value_types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "framework/base/units.hpp"
#include "framework/config/cpu_list.hpp"
#include "framework/config/listen.hpp"
#include "framework/config/user_range.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config::types {

namespace {

std::string unchanged(const std::string& text) { return text; }

std::string parse_text(const std::string& text) {
  if (text.empty()) throw std::invalid_argument("the value must not be empty");
  return text;
}

Names parse_names(std::string_view text) {
  Names names;
  while (!(text = trimmed(text)).empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    names.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return names;
}

std::string parse_absolute(const std::string& text) {
  if (!text.starts_with('/')) throw std::invalid_argument(in_quotes(text) + " is not a path that begins with /");
  return text;
}

OptionValue parse_rule(const std::string& text) { return {parse_absolute(text), {}}; }

OptionValue parse_part(const std::string& text) {
  if (parse_absolute(text).find_first_not_of("/.") == std::string::npos) {
    throw std::invalid_argument(in_quotes(text) + " would allow everything");
  }
  return {text, {}};
}

std::string format_value(const OptionValue& value) { return value.value; }

}  // namespace

ValueType<std::string> text() { return {{}, parse_text, unchanged}; }

ValueType<std::string> text_or_empty() { return {{}, unchanged, unchanged, true}; }

ValueType<std::string> choice(std::vector<std::string> choices) {
  const ValueRule rule{OptionType::choice, 0, 0, std::move(choices)};
  return {rule, [rule](const std::string& text) { return normalise(rule, parse_text(text)); }, unchanged};
}

ValueType<std::string> absolute_path() { return {{}, parse_absolute, unchanged}; }

ValueType<bool> flag() { return {{OptionType::flag, 0, 0, {}}, base::parse_flag, base::format_flag}; }

ValueType<std::chrono::milliseconds> duration(std::chrono::milliseconds minimum, std::chrono::milliseconds maximum) {
  const ValueRule rule{OptionType::duration, minimum.count(), maximum.count(), {}};
  return {rule, [rule](const std::string& text) { return std::chrono::milliseconds(number(rule, text)); },
          base::format_duration};
}

ValueType<std::uint64_t> size() {
  const ValueRule rule{OptionType::size, 0, std::int64_t{1} << 50, {}};
  return {rule, [rule](const std::string& text) { return static_cast<std::uint64_t>(number(rule, text)); },
          base::format_size};
}

ValueType<mode_t> mode() { return {{}, base::parse_mode, base::format_mode}; }

ValueType<Names> names() {
  return {{}, parse_names, [](const Names& names) { return fmt::format("{}", fmt::join(names, " ")); }, true};
}

ValueType<std::vector<unsigned>> cpu_list() { return {{}, parse_cpu_list, format_cpu_list}; }

ValueType<UserRange> user_range() { return {{}, parse_user_range, format_user_range}; }

ValueType<ListenSpec> address() { return {{}, parse_listen, format_listen}; }

ValueType<OptionValue> landlock_path() { return {{}, parse_rule, format_value}; }

ValueType<OptionValue> landlock_part() { return {{}, parse_part, format_value}; }

}  // namespace prefork::config::types
