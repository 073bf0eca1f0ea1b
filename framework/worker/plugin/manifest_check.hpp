#pragma once

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

/// Checks of the names and texts in a manifest.
namespace prefork::worker {

inline bool is_name(std::string_view name) {
  constexpr std::size_t kMaxName = 40;
  return !name.empty() && name.size() <= kMaxName && name.front() >= 'a' && name.front() <= 'z' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

inline bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

/// A rejected name may hold any bytes, but the message must be printable.
inline std::string quoted(std::string_view name) {
  constexpr std::size_t kMaxShown = 80;
  std::string text(name.substr(0, kMaxShown));
  for (char& c : text) {
    if (!is_printable({&c, 1})) c = '?';
  }
  return "\"" + text + (name.size() > kMaxShown ? "...\"" : "\"");
}

inline void check_text(std::string_view what, std::string_view text) {
  constexpr std::size_t kMaxText = 2000;
  if (is_printable(text) && text.size() <= kMaxText) return;
  throw std::invalid_argument(std::string(what) + " has control characters or more than 2000 bytes");
}

}  // namespace prefork::worker
