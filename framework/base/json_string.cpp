#include "framework/base/json_string.hpp"

#include "framework/base/utf8.hpp"
#include "framework/base/visible.hpp"
#include "ipc/posix/check.hpp"

namespace prefork::base {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

/// Whether a character stands for itself in every style.
bool is_plain(char c) noexcept {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

void append_unit(std::string& out, char32_t unit) {
  out += "\\u";
  for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kHex[unit >> shift & 15];
}

void append_escape(std::string& out, char32_t code) {
  constexpr std::string_view kShort = "\"\\\n\r\t\b\f", kLetters = "\"\\nrtbf";
  const std::size_t at = code < 0x80 ? kShort.find(static_cast<char>(code)) : std::string_view::npos;
  if (at != std::string_view::npos) {
    out.append({'\\', kLetters[at]});
  } else if (code < 0x10000) {
    append_unit(out, code);
  } else {
    append_unit(out, 0xd800 + ((code - 0x10000) >> 10));
    append_unit(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
  }
}

bool is_escaped(char32_t code, JsonStyle style) noexcept {
  if (code < 0x20 || code == '"' || code == '\\') return true;
  if (style != JsonStyle::page) return is_deceptive(code);
  return code == '<' || code == '>' || code == '&' || code == 0x7f || code == 0x2028 || code == 0x2029;
}

/// Appends the first character of `text`. @return its length in bytes
std::size_t append_character(std::string& out, std::string_view text, JsonStyle style) {
  const Character at = first_character(text);
  if (at.valid) {
    if (is_escaped(at.code, style)) {
      append_escape(out, at.code);
    } else {
      out += text.substr(0, at.length);
    }
    return at.length;
  }
  if (style != JsonStyle::log) {
    out += kReplacement;
    return at.length;
  }
  const auto byte = static_cast<unsigned char>(text[0]);
  out.append("\\\\x").append({kHex[byte >> 4], kHex[byte & 15]});
  return 1;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text, JsonStyle style) {
  out += '"';
  while (!text.empty()) {
    std::size_t length = 0;
    while (length < text.size() && is_plain(text[length])) ++length;
    if (length > 0) {
      out += text.substr(0, length);
    } else {
      length = append_character(out, text, style);
    }
    text.remove_prefix(length);
  }
  out += '"';
}

void append_bounded_json_string(std::string& out, std::string_view text, std::size_t max_bytes) {
  constexpr std::string_view kCut = "...";
  constexpr std::size_t kQuotes = 2;
  PREFORK_CHECK(max_bytes >= kQuotes + 2 * kCut.size());
  const std::size_t end = out.size() + max_bytes - 1;
  std::size_t cut = out.size() + 1;  // where the text can end so that "..." still fits
  out += '"';
  while (!text.empty()) {
    const std::size_t before = out.size();
    const std::size_t length = append_character(out, text, JsonStyle::log);
    if (out.size() > end) {
      out.resize(cut);
      out += kCut;
      break;
    }
    if (before + kCut.size() <= end) cut = before;
    text.remove_prefix(length);
  }
  out += '"';
}

}  // namespace prefork::base
