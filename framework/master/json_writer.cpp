#include "framework/master/json_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "ipc/check.hpp"

namespace prefork::master {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

struct Piece {
  std::size_t length;
  bool valid;
};

// What the first byte of a character says: how many bytes follow, and the range of the first of them.
// It is that range which keeps overlong forms, surrogates and all beyond U+10FFFF out.
struct Lead {
  std::size_t following;
  unsigned char low;
  unsigned char high;
};

Lead lead_of(unsigned char byte) noexcept {
  if (byte >= 0xc2 && byte <= 0xdf) return {1, 0x80, 0xbf};
  if (byte == 0xe0) return {2, 0xa0, 0xbf};
  if (byte == 0xed) return {2, 0x80, 0x9f};
  if (byte >= 0xe1 && byte <= 0xef) return {2, 0x80, 0xbf};
  if (byte == 0xf0) return {3, 0x90, 0xbf};
  if (byte >= 0xf1 && byte <= 0xf3) return {3, 0x80, 0xbf};
  if (byte == 0xf4) return {3, 0x80, 0x8f};
  return {0, 0, 0};
}

// The character at the front of `text`, whose first byte is not ASCII. Unicode 15, table 3-7; an
// invalid piece is as long as its good beginning, at least a byte.
Piece next_character(std::string_view text) noexcept {
  const Lead lead = lead_of(static_cast<unsigned char>(text[0]));
  if (lead.following == 0) return {1, false};
  for (std::size_t i = 1; i <= lead.following; ++i) {
    if (i == text.size()) return {i, false};
    const auto byte = static_cast<unsigned char>(text[i]);
    const unsigned char low = i == 1 ? lead.low : 0x80;
    const unsigned char high = i == 1 ? lead.high : 0xbf;
    if (byte < low || byte > high) return {i, false};
  }
  return {lead.following + 1, true};
}

constexpr std::string_view kHex = "0123456789abcdef";

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
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x20 && byte != 0x7f) {
    out += c;
    return;
  }
  out += "\\u00";
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
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
    const Piece piece = next_character(text);
    out += piece.valid ? text.substr(0, piece.length) : kReplacement;
    text.remove_prefix(piece.length);
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
    Piece piece{1, true};
    if (static_cast<unsigned char>(text[0]) < 0x80) {
      append_ascii(out, text[0]);
    } else if (piece = next_character(text); piece.valid) {
      out += text.substr(0, piece.length);
    } else {
      piece.length = 1;
      const auto byte = static_cast<unsigned char>(text[0]);
      out.append("\\\\x").append({kHex[byte >> 4], kHex[byte & 15]});
    }
    if (out.size() > end) {
      out.resize(cut);
      out += kCut;
      break;
    }
    if (before + kCut.size() <= end) cut = before;
    text.remove_prefix(piece.length);
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
