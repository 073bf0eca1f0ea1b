#include "framework/base/visible.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "framework/base/utf8.hpp"

namespace prefork::base {

namespace {

constexpr std::size_t kMaxQuotedBytes = 80;

struct Range {
  char32_t first, last;
};

// By code. Unicode 15: general categories Cc, Cf, Zl and Zp, and Default_Ignorable_Code_Point.
constexpr Range kDeceptive[] = {
    {0x00, 0x1f},       {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},     {0x600, 0x605},
    {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x890, 0x891},     {0x8e2, 0x8e2},
    {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x206f},   {0x3164, 0x3164},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
    {0xfff0, 0xfffb},   {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
};

}  // namespace

bool is_deceptive(char32_t code) noexcept {
  const auto* range = std::lower_bound(std::begin(kDeceptive), std::end(kDeceptive), code,
                                       [](const Range& r, char32_t c) { return r.last < c; });
  return range != std::end(kDeceptive) && code >= range->first;
}

std::size_t append_visible(std::string& out, std::string_view text) {
  const Character at = first_character(text);
  const auto code = static_cast<unsigned>(at.code);
  if (!at.valid) {
    for (const char c : text.substr(0, at.length)) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  } else if (!is_deceptive(at.code)) {
    out += text.substr(0, at.length);
  } else if (code < 0x80) {
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", code);
  } else if (code < 0x10000) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
  } else {
    fmt::format_to(std::back_inserter(out), "\\U{:08x}", code);
  }
  return at.length;
}

std::string visible(std::string_view text) {
  std::string out;
  while (!text.empty()) text.remove_prefix(append_visible(out, text));
  return out;
}

std::string visible_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const bool end = text.front() == '\n';
    if (end) out += '\n';
    text.remove_prefix(end ? 1 : append_visible(out, text));
  }
  return out;
}

std::string escape_untrusted(std::string_view text, std::size_t max_bytes) {
  text = text.substr(0, text.find('\0'));
  const bool cut = text.size() > max_bytes;
  std::string out;
  for (const char c : text.substr(0, max_bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      out += "\\\\";
    } else if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    }
  }
  if (cut) out += "...";
  return out;
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (std::size_t shown = 0; !text.empty();) {
    const std::size_t length = first_character(text).length;
    shown += length;
    if (shown > kMaxQuotedBytes) break;
    const char byte = text.front();
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += byte;
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else {
      append_visible(out, text);
    }
    text.remove_prefix(length);
  }
  if (!text.empty()) out += "...";
  return out + '"';
}

}  // namespace prefork::base
