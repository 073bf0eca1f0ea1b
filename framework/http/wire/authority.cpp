#include "framework/http/wire/authority.hpp"

#include "framework/http/wire/char_class.hpp"

namespace prefork::http {
namespace {

bool is_port(std::string_view text) noexcept {
  unsigned value = 0;
  for (const char c : text) {
    if (!is(c, kDecimalDigit)) return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 65535) return false;
  }
  return true;
}

bool is_ipv4(std::string_view text) noexcept {
  for (int part = 0; part < 4; ++part) {
    const std::size_t dot = text.find('.');
    const std::string_view octet = text.substr(0, dot);
    if (octet.size() > 3 || !all(octet, kDecimalDigit) || (octet.size() > 1 && octet[0] == '0')) return false;
    unsigned value = 0;
    for (const char c : octet) value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > 255) return false;
    if (part == 3) return dot == std::string_view::npos;
    if (dot == std::string_view::npos) return false;
    text.remove_prefix(dot + 1);
  }
  return false;
}

/// Counts the 16-bit groups of one side of "::". @return -1: malformed
int count_groups(std::string_view text, bool may_end_in_ipv4) noexcept {
  if (text.empty()) return 0;
  int groups = 0;
  for (;;) {
    const std::size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && may_end_in_ipv4 && is_ipv4(group)) return groups + 2;
    if (group.size() > 4 || !all(group, kHexDigit)) return -1;
    ++groups;
    if (colon == std::string_view::npos) return groups;
    text.remove_prefix(colon + 1);
  }
}

/// "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
bool is_ip_future(std::string_view text) noexcept {
  if (text.empty() || (text.front() | 0x20) != 'v') return false;
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || !all(text.substr(1, dot - 1), kHexDigit)) return false;
  const std::string_view address = text.substr(dot + 1);
  for (const char c : address) {
    if (c != ':' && !is(c, kRegNameChar)) return false;
  }
  return !address.empty();
}

}  // namespace

bool is_ipv6(std::string_view text) noexcept {
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) return count_groups(text, true) == 8;
  const int before = count_groups(text.substr(0, gap), false);
  const int after = count_groups(text.substr(gap + 2), true);
  return before >= 0 && after >= 0 && before + after <= 7;
}

bool is_authority(std::string_view text) noexcept {
  std::size_t end = 0;
  if (text.starts_with('[')) {
    end = text.find(']');
    if (end == std::string_view::npos) return false;
    const std::string_view address = text.substr(1, end - 1);
    if (!is_ipv6(address) && !is_ip_future(address)) return false;
    ++end;
  } else {
    while (end < text.size() && is(text[end], kRegNameChar)) ++end;
    while (end < text.size() && text[end] == '%') {
      if (text.size() - end < 3 || !is(text[end + 1], kHexDigit) || !is(text[end + 2], kHexDigit)) return false;
      end += 3;
      while (end < text.size() && is(text[end], kRegNameChar)) ++end;
    }
    if (end == 0) return false;
  }
  return end == text.size() || (text[end] == ':' && is_port(text.substr(end + 1)));
}

}  // namespace prefork::http
