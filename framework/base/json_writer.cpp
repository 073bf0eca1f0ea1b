#include "framework/base/json_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "ipc/posix/check.hpp"

namespace prefork::base {
namespace {

using Digits = std::array<char, 32>;  // the shortest form needs 24 at most

std::string_view shortest(double number, Digits& digits) noexcept {
  const auto end = std::to_chars(digits.begin(), digits.end(), number).ptr;
  return {digits.data(), static_cast<std::size_t>(end - digits.data())};
}

}  // namespace

void JsonWriter::new_line() {
  if (indent_) text_.append(1, '\n').append(std::size_t{*indent_} * levels_.size(), ' ');
}

void JsonWriter::next_item() {
  if (!levels_.back().empty) text_ += ',';
  levels_.back().empty = false;
  new_line();
}

void JsonWriter::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) {
    PREFORK_CHECK(text_.empty());
    return;
  }
  PREFORK_CHECK(!levels_.back().object);
  next_item();
}

JsonWriter& JsonWriter::open(char bracket, bool object) {
  before_value();
  text_ += bracket;
  levels_.push_back({object, true});
  return *this;
}

JsonWriter& JsonWriter::close(char bracket, bool object) {
  PREFORK_CHECK(!levels_.empty() && levels_.back().object == object && !after_key_);
  const bool empty = levels_.back().empty;
  levels_.pop_back();
  if (!empty) new_line();
  text_ += bracket;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  PREFORK_CHECK(!levels_.empty() && levels_.back().object && !after_key_);
  next_item();
  append_json_string(text_, name, style_);
  text_ += indent_ ? ": " : ":";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  before_value();
  append_json_string(text_, text, style_);
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view literal) {
  before_value();
  text_ += literal;
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  Digits digits;
  return raw(shortest(number, digits));
}

JsonWriter& JsonWriter::real(double number) {
  if (!std::isfinite(number)) return null();
  Digits digits;
  const std::string_view text = shortest(number, digits);
  raw(text);
  if (text.find_first_of(".e") == std::string_view::npos) text_ += ".0";
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t number) { return raw(std::to_string(number)); }

JsonWriter& JsonWriter::natural(std::uint64_t number) { return raw(std::to_string(number)); }

}  // namespace prefork::base
