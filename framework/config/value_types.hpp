#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/config/options.hpp"
#include "framework/config/values.hpp"

namespace prefork::config {

/// How values of one kind are checked, read and written. What `format` writes, `parse` reads back.
template <class T>
struct ValueType {
  ValueRule rule;
  /// @throws std::invalid_argument, one sentence that quotes the text
  std::function<T(const std::string& text)> parse;
  std::function<std::string(const T& value)> format;
  bool may_be_empty = false;  ///< whether an empty text is a value
};

/// The value types of the option table (option_table.cpp).
namespace types {

using Names = std::vector<std::string>;

ValueType<std::string> text();
ValueType<std::string> text_or_empty();
ValueType<std::string> choice(std::vector<std::string> choices);
ValueType<std::string> absolute_path();
ValueType<bool> flag();
ValueType<std::chrono::milliseconds> duration(std::chrono::milliseconds minimum, std::chrono::milliseconds maximum);
ValueType<std::uint64_t> size();  ///< bytes
ValueType<mode_t> mode();         ///< permission bits
ValueType<Names> names();         ///< separated by blanks; may be empty
ValueType<std::vector<unsigned>> cpu_list();
ValueType<UserRange> user_range();
ValueType<ListenSpec> address();  ///< its origin is not set
/// An absolute path in a Landlock rule.
ValueType<OptionValue> landlock_path();
/// An absolute path in a Landlock rule, but not the root folder, which would allow everything.
ValueType<OptionValue> landlock_part();

/// From `minimum` to `maximum`, both inclusive.
template <class Integer>
ValueType<Integer> integer(std::int64_t minimum, std::int64_t maximum) {
  const ValueRule rule{OptionType::integer, minimum, maximum, {}};
  return {rule, [rule](const std::string& text) { return static_cast<Integer>(number(rule, text)); },
          [](const Integer& value) { return std::to_string(value); }};
}

/// An enumeration. @param names  of its values, from 0 on
template <class Enumeration>
ValueType<Enumeration> one_of(std::vector<std::string> names) {
  const ValueType<std::string> name = choice(names);
  const auto parse = [name, names](const std::string& text) {
    const std::string chosen = name.parse(text);
    std::size_t place = 0;
    while (names[place] != chosen) ++place;
    return static_cast<Enumeration>(place);
  };
  return {name.rule, parse, [names](const Enumeration& value) { return names[static_cast<std::size_t>(value)]; }};
}

}  // namespace types

}  // namespace prefork::config
