#include "framework/http/path.hpp"

#include "framework/http/char_class.hpp"

namespace prefork::http {
namespace {

/// @return the byte that the escape at text[at] stands for; -1 where it is malformed.
int escaped_byte(std::string_view text, std::size_t at) noexcept {
  if (text.size() - at < 3 || !is(text[at + 1], kHexDigit) || !is(text[at + 2], kHexDigit)) return -1;
  return static_cast<int>(hex_value(text[at + 1]) * 16 + hex_value(text[at + 2]));
}

}  // namespace

const Refusal* append_canonical_path(std::string_view raw, std::string& out) {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      out.push_back(raw[i]);
      continue;
    }
    const int byte = escaped_byte(raw, i);
    if (byte <= 0) return &refusals::kPathEscape;
    if (byte == '/') {
      out.append("%2F");
    } else if (byte == '%') {
      out.append("%25");
    } else {
      out.push_back(static_cast<char>(byte));
    }
    i += 2;
  }
  return nullptr;
}

bool has_dot_segment(std::string_view path) noexcept {
  for (std::size_t at = path.find("/."); at != std::string_view::npos; at = path.find("/.", at + 2)) {
    std::string_view rest = path.substr(at + 2);
    if (rest.starts_with('.')) rest.remove_prefix(1);
    if (rest.empty() || rest.front() == '/') return true;
  }
  return false;
}

bool append_decoded(std::string_view text, std::string& out, bool plus_is_space) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const int byte = escaped_byte(text, i);
      if (byte < 0) return false;
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
    }
  }
  return true;
}

}  // namespace prefork::http
