#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Writes compact JSON (RFC 8259) on one line. Pure.
namespace prefork::master {

/// Commas and colons are the writer's matter; the caller opens and closes what belongs together. A value
/// where a key belongs, a key outside an object, an end without its beginning: a bug, it aborts.
class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{', true); }
  JsonWriter& end_object() { return close('}', true); }
  JsonWriter& begin_array() { return open('[', false); }
  JsonWriter& end_array() { return close(']', false); }
  JsonWriter& key(std::string_view name);

  /// Any bytes: control characters are escaped, what is not UTF-8 becomes U+FFFD, one for each
  /// longest piece that could have begun a character.
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool flag) { return raw(flag ? "true" : "false"); }
  /// The shortest digits that read back the same; null for what JSON has no number for.
  JsonWriter& value(double number);
  JsonWriter& value(std::signed_integral auto number) { return integer(number); }
  JsonWriter& value(std::unsigned_integral auto number) { return natural(number); }
  JsonWriter& null() { return raw("null"); }

  /// A key and its value.
  template <typename Value>
  JsonWriter& member(std::string_view name, const Value& content) {
    return key(name).value(content);
  }

  /// @return the text so far; whole once all that was opened is closed.
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

  std::string text_;
  std::vector<Level> levels_;
  bool after_key_ = false;
};

/// Appends `text` as a JSON string with its quotes, as `JsonWriter::value` writes it.
void append_json_string(std::string& out, std::string_view text);

/// The same in `max_bytes` at most, quotes included, which are 8 or more: what does not fit is cut, and "..." says so.
/// A byte that is not UTF-8 becomes \xNN, so that nothing gets lost.
void append_bounded_json_string(std::string& out, std::string_view text, std::size_t max_bytes);

}  // namespace prefork::master
