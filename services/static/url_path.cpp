#include "services/static/url_path.hpp"

#include <algorithm>
#include <array>

namespace services::static_files {
namespace {

constexpr std::string_view kWellKnown = ".well-known";

constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> plain{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    plain[c] = letter || digit;
  }
  // RFC 3986 3.3: pchar.
  for (const char c : std::string_view("-._~!$&'()*+,;=:@")) plain[static_cast<unsigned char>(c)] = true;
  return plain;
}
constexpr std::array<bool, 256> kPlain = make_plain();

int hex(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// @return false: no file can have that name
bool decode_segment(std::string_view text, std::string& name) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) return false;
      const int high = hex(text[i + 1]);
      const int low = hex(text[i + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0' || c == '/') return false;
    name.push_back(c);
  }
  return !name.empty() && name != "." && name != "..";
}

/// `path` must be decoded and below the mount.
bool has_hidden_segment(std::string_view path) {
  if (path == kWellKnown || (path.starts_with(kWellKnown) && path[kWellKnown.size()] == '/'))
    path.remove_prefix(kWellKnown.size());
  return path.starts_with('.') || path.find("/.") != std::string_view::npos;
}

/// @return false: the path is not below the mount
bool strip_mount(std::string& path, std::string_view mount) {
  if (mount.ends_with('/')) mount.remove_suffix(1);
  if (!path.starts_with(mount) || (path.size() > mount.size() && path[mount.size()] != '/')) return false;
  path.erase(0, std::min(mount.size() + 1, path.size()));
  return true;
}

}  // namespace

void append_escaped(std::string& out, std::string_view name) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain[byte]) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
}

std::optional<UrlPath> read_url_path(std::string_view path, std::string_view mount, bool hidden) {
  if (!path.starts_with('/')) return std::nullopt;
  UrlPath url;
  std::string name;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    url.folder = path.empty();
    if (url.folder) break;
    name.clear();
    if (!decode_segment(path.substr(0, end), name)) return std::nullopt;
    url.file.append("/").append(name);
    url.canonical.push_back('/');
    append_escaped(url.canonical, name);
    path.remove_prefix(end);
  }
  if (url.folder) url.canonical.push_back('/');
  if (!strip_mount(url.file, mount)) return std::nullopt;
  if (!hidden && has_hidden_segment(url.file)) return std::nullopt;
  return url;
}

}  // namespace services::static_files
