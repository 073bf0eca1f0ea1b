#include "framework/base/json_text.hpp"

#include "framework/base/utf8.hpp"

namespace prefork::http {
namespace {

void append_escape(unsigned unit, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out.append("\\u");
  for (const unsigned shift : {12U, 8U, 4U, 0U}) out.push_back(kDigits[unit >> shift & 15U]);
}

bool is_plain(char c) noexcept {
  return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f && c != '"' && c != '\\' &&
         c != '<' && c != '>' && c != '&';
}

void append_ascii(char c, std::string& out) {
  switch (c) {
    case '"':
    case '\\':
      out.push_back('\\');
      out.push_back(c);
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      append_escape(static_cast<unsigned char>(c), out);
  }
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  out.push_back('"');
  while (!text.empty()) {
    std::size_t length = 0;
    while (length < text.size() && is_plain(text[length])) ++length;
    if (length == 0) {
      length = utf8_length(text);
      if (length == 1) append_ascii(text.front(), out);
    }
    const std::string_view piece = text.substr(0, length);
    if (length == 0) {
      out.append(kReplacement);
    } else if (piece == "\xe2\x80\xa8" || piece == "\xe2\x80\xa9") {
      append_escape(piece.back() == '\xa8' ? 0x2028 : 0x2029, out);
    } else if (length > 1 || is_plain(piece.front())) {
      out.append(piece);
    }
    text.remove_prefix(length > 0 ? length : 1);
  }
  out.push_back('"');
}

}  // namespace prefork::http
