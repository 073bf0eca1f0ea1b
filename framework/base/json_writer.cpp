#include "framework/base/json_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "framework/base/visible.hpp"
#include "ipc/posix/check.hpp"

namespace prefork::master {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

constexpr std::string_view kHex = "0123456789abcdef";

void append_escape(std::string& out, char32_t unit) {
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kHex[unit >> shift & 15];
}

void append_ascii(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    default:
      break;
  }
  if (config::is_deceptive(static_cast<unsigned char>(c))) return append_escape(out, static_cast<unsigned char>(c));
  out += c;
}

/// Appends a character that is no ASCII.
void append_valid(std::string& out, std::string_view bytes, char32_t code) {
  if (!config::is_deceptive(code)) {
    out += bytes;
  } else if (code < 0x10000) {
    append_escape(out, code);
  } else {
    append_escape(out, 0xd800 + ((code - 0x10000) >> 10));
    append_escape(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    if (static_cast<unsigned char>(text[0]) < 0x80) {
      append_ascii(out, text[0]);
      text.remove_prefix(1);
      continue;
    }
    const config::Character at = config::first_character(text);
    if (at.valid) {
      append_valid(out, text.substr(0, at.length), at.code);
    } else {
      out += kReplacement;
    }
    text.remove_prefix(at.length);
  }
  out += '"';
}

void append_bounded_json_string(std::string& out, std::string_view text, std::size_t max_bytes) {
  constexpr std::string_view kCut = "...";
  constexpr std::size_t kQuotes = 2;
  PREFORK_CHECK(max_bytes >= kQuotes + 2 * kCut.size());
  const std::size_t end = out.size() + max_bytes - 1;
  std::size_t cut = out.size() + 1;  // where the text can end so that "..." fits behind it
  out += '"';
  while (!text.empty()) {
    const std::size_t before = out.size();
    config::Character at = config::first_character(text);
    if (static_cast<unsigned char>(text[0]) < 0x80) {
      append_ascii(out, text[0]);
    } else if (at.valid) {
      append_valid(out, text.substr(0, at.length), at.code);
    } else {
      at.length = 1;
      const auto byte = static_cast<unsigned char>(text[0]);
      out.append("\\\\x").append({kHex[byte >> 4], kHex[byte & 15]});
    }
    if (out.size() > end) {
      out.resize(cut);
      out += kCut;
      break;
    }
    if (before + kCut.size() <= end) cut = before;
    text.remove_prefix(at.length);
  }
  out += '"';
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
  if (!levels_.back().empty) text_ += ',';
  levels_.back().empty = false;
}

JsonWriter& JsonWriter::open(char bracket, bool object) {
  before_value();
  text_ += bracket;
  levels_.push_back({object, true});
  return *this;
}

JsonWriter& JsonWriter::close(char bracket, bool object) {
  PREFORK_CHECK(!levels_.empty() && levels_.back().object == object && !after_key_);
  levels_.pop_back();
  text_ += bracket;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  PREFORK_CHECK(!levels_.empty() && levels_.back().object && !after_key_);
  if (!levels_.back().empty) text_ += ',';
  levels_.back().empty = false;
  append_json_string(text_, name);
  text_ += ':';
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  before_value();
  append_json_string(text_, text);
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view literal) {
  before_value();
  text_ += literal;
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  std::array<char, 32> digits{};  // the shortest form needs 24 at most
  const auto end = std::to_chars(digits.begin(), digits.end(), number).ptr;
  return raw({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

JsonWriter& JsonWriter::integer(std::int64_t number) { return raw(std::to_string(number)); }

JsonWriter& JsonWriter::natural(std::uint64_t number) { return raw(std::to_string(number)); }

}  // namespace prefork::master
