#include "framework/http/wire/path.hpp"

#include "framework/http/wire/char_class.hpp"

namespace prefork::http {
namespace {

/// @return the byte that the escape at text[at] stands for; -1: malformed
int escaped_byte(std::string_view text, std::size_t at) noexcept {
  if (text.size() - at < 3 || !is(text[at + 1], kHexDigit) || !is(text[at + 2], kHexDigit)) return -1;
  return static_cast<int>(hex_value(text[at + 1]) * 16 + hex_value(text[at + 2]));
}

std::string_view segment_at(std::string_view path, std::size_t at) noexcept {
  return path.substr(at, path.find('/', at) - at);
}

/// @return 1 for ".", 2 for "..", else 0
int dots_of(std::string_view segment) noexcept {
  constexpr std::size_t kLongest = 6;  // "%2e%2e"
  if (segment.empty() || segment.size() > kLongest) return 0;
  int dots = 0;
  while (!segment.empty()) {
    const bool plain = segment.front() == '.';
    if (!plain && (segment.front() != '%' || escaped_byte(segment, 0) != '.')) return 0;
    segment.remove_prefix(plain ? 1 : 3);
    ++dots;
  }
  return dots <= 2 ? dots : 0;
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
  for (std::size_t at = path.find('/'); at != std::string_view::npos; at = path.find('/', at + 1)) {
    if (dots_of(segment_at(path, at + 1)) > 0) return true;
  }
  return false;
}

void append_without_dot_segments(std::string_view path, std::string& out) {
  const std::size_t root = out.size();
  for (std::size_t at = 0; at < path.size();) {
    const std::string_view segment = segment_at(path, at + 1);
    const int dots = dots_of(segment);
    at += 1 + segment.size();
    if (dots == 2 && out.size() > root) out.resize(out.rfind('/'));
    if (dots == 0) out.append("/").append(segment);
    if (dots > 0 && at == path.size()) out.push_back('/');  // the rest is a folder
  }
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
