#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/base/json_string.hpp"

/// Writes JSON (RFC 8259). Pure.
namespace prefork::base {

/// The writer adds commas and colons; the caller opens and closes objects and arrays. A value in place of a key, a key
/// outside an object or an end without a beginning is a bug and aborts.
class JsonWriter {
 public:
  /// @param style   of keys and strings
  /// @param indent  spaces per level, over several lines; nullopt: one line without blanks
  explicit JsonWriter(JsonStyle style = JsonStyle::answer, std::optional<unsigned> indent = std::nullopt) noexcept
      : style_(style), indent_(indent) {}

  JsonWriter& begin_object() { return open('{', true); }
  JsonWriter& end_object() { return close('}', true); }
  JsonWriter& begin_array() { return open('[', false); }
  JsonWriter& end_array() { return close(']', false); }
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool flag) { return raw(flag ? "true" : "false"); }
  /// Writes the shortest digits that read back the same; null for a number that JSON can't represent.
  JsonWriter& value(double number);
  /// Like value(), but appends ".0" if the digits alone would be an integer.
  JsonWriter& real(double number);
  JsonWriter& value(std::signed_integral auto number) { return integer(number); }
  JsonWriter& value(std::unsigned_integral auto number) { return natural(number); }
  JsonWriter& null() { return raw("null"); }

  /// Writes a key and its value.
  template <typename Value>
  JsonWriter& member(std::string_view name, const Value& content) {
    return key(name).value(content);
  }

  /// @return the text so far; it is complete once everything opened is closed
  const std::string& text() const noexcept { return text_; }
  std::string take() && { return std::move(text_); }

 private:
  struct Level {
    bool object;
    bool empty;
  };

  JsonWriter& open(char bracket, bool object);
  JsonWriter& close(char bracket, bool object);
  JsonWriter& raw(std::string_view literal);
  JsonWriter& integer(std::int64_t number);
  JsonWriter& natural(std::uint64_t number);
  void before_value();
  void next_item();
  void new_line();

  std::string text_;
  std::vector<Level> levels_;
  bool after_key_ = false;
  JsonStyle style_;
  std::optional<unsigned> indent_;
};

}  // namespace prefork::base
