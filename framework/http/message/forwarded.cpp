#include "framework/http/message/forwarded.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>

#include "framework/http/wire/char_class.hpp"

namespace prefork::http {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

constexpr std::size_t kMaxHops = 64;

bool is_port(std::string_view text) noexcept { return text.size() <= 5 && all(text, kDecimalDigit); }

/// The address without brackets and port; empty: not an address.
std::string_view without_port(std::string_view text) noexcept {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return {};
    const std::string_view rest = text.substr(end + 1);
    return rest.empty() || (rest[0] == ':' && is_port(rest.substr(1))) ? text.substr(1, end - 1) : std::string_view();
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) return text;
  return is_port(text.substr(colon + 1)) ? text.substr(0, colon) : std::string_view();
}

/// IPv4 as an IPv4-mapped address (RFC 4291 2.5.5.2).
std::optional<Bytes> parse_address(std::string_view text) noexcept {
  std::array<char, INET6_ADDRSTRLEN + 1> plain{};
  if (text.empty() || text.size() >= plain.size()) return std::nullopt;
  std::memcpy(plain.data(), text.data(), text.size());
  Bytes bytes{};
  if (::inet_pton(AF_INET6, plain.data(), bytes.data()) == 1) return bytes;
  bytes = {};
  bytes[10] = bytes[11] = 0xff;
  if (::inet_pton(AF_INET, plain.data(), bytes.data() + 12) == 1) return bytes;
  return std::nullopt;
}

bool same_bits(const Bytes& a, const Bytes& b, unsigned bits) noexcept {
  const std::size_t whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin())) return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff00U >> (bits % 8));
  return ((a[whole] ^ b[whole]) & mask) == 0;
}

/// One proxy's statement: the client that it speaks for.
struct Hop {
  std::string_view address;
  std::string_view proto;
};

/// Cuts at separators outside quotes. @return what precedes the next one
std::string_view next_part(std::string_view& text, char separator) noexcept {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '\\' && quoted) ++i;
    if (i >= text.size() || text[i] != separator || quoted) continue;
    const std::string_view part = text.substr(0, i);
    text.remove_prefix(i + 1);
    return trim(part);
  }
  return trim(std::exchange(text, {}));
}

std::string_view unquoted(std::string_view value) noexcept {
  // Neither addresses nor schemes contain anything that would be escaped.
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') return value.substr(1, value.size() - 2);
  return value;
}

/// forwarded-element, RFC 7239 4.
Hop parse_element(std::string_view element) noexcept {
  Hop hop;
  while (!element.empty()) {
    const std::string_view pair = next_part(element, ';');
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = pair.substr(0, equals), value = unquoted(pair.substr(equals + 1));
    if (equals_ignoring_case(name, "for")) hop.address = value;
    if (equals_ignoring_case(name, "proto")) hop.proto = value;
  }
  return hop;
}

std::vector<std::string_view> parts_of(const std::vector<std::string_view>& lines) {
  std::vector<std::string_view> parts;
  for (std::string_view line : lines) {
    while (!line.empty()) parts.push_back(next_part(line, ','));
  }
  return parts;
}

std::vector<Hop> hops_of(const ForwardedFields& fields) {
  std::vector<Hop> hops;
  if (!fields.forwarded.empty()) {
    for (const std::string_view element : parts_of(fields.forwarded)) hops.push_back(parse_element(element));
    return hops;
  }
  const std::vector<std::string_view> protos = parts_of(fields.forwarded_proto);
  for (const std::string_view address : parts_of(fields.forwarded_for)) hops.push_back({address, {}});
  if (hops.empty() && !protos.empty()) hops.push_back({});
  // Usually one proxy sets it, for the client that it knows; a list corresponds to that of the addresses.
  for (std::size_t i = 0; i < hops.size(); ++i) {
    if (!protos.empty()) hops[i].proto = protos.size() == hops.size() ? protos[i] : protos.back();
  }
  return hops;
}

}  // namespace

Networks::Networks(std::string_view list) {
  constexpr std::string_view kBetween = " \t,";
  for (std::size_t begin; (begin = list.find_first_not_of(kBetween)) != std::string_view::npos;) {
    list.remove_prefix(begin);
    const std::string_view text = list.substr(0, list.find_first_of(kBetween));
    list.remove_prefix(text.size());
    if (text == "unix") {
      unix_ = true;
      continue;
    }
    const std::size_t slash = text.find('/');
    const auto bytes = parse_address(text.substr(0, slash));
    const bool old = text.find(':') == std::string_view::npos;
    unsigned bits = old ? 32 : 128;
    bool good = bytes.has_value();
    if (slash != std::string_view::npos) {
      const std::string_view digits = text.substr(slash + 1);
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
      good = good && !digits.empty() && error == std::errc() && end == digits.data() + digits.size() &&
             bits <= (old ? 32U : 128U);
    }
    if (!good) {
      throw std::invalid_argument("\"" + std::string(text) +
                                  "\" is no network: an address, such as 192.0.2.7 or 2001:db8::1, with or without "
                                  "/BITS, or \"unix\" is wanted");
    }
    networks_.push_back({*bytes, old ? bits + 96 : bits});
  }
}

bool Networks::contains(std::string_view address) const noexcept {
  if (address.starts_with("unix")) return unix_;
  const auto bytes = parse_address(without_port(address));
  return bytes && std::any_of(networks_.begin(), networks_.end(),
                              [&](const Network& network) { return same_bits(*bytes, network.bytes, network.bits); });
}

ForwardedClient forwarded_client(std::string_view peer, const ForwardedFields& fields, const Networks& trusted) {
  ForwardedClient client{std::string(peer), false};
  if (!trusted.contains(peer)) return client;
  const std::vector<Hop> hops = hops_of(fields);
  std::string_view speaker = peer;
  for (std::size_t i = hops.size(); i-- > 0 && hops.size() - i <= kMaxHops && trusted.contains(speaker);) {
    client.secure = equals_ignoring_case(hops[i].proto, "https");
    if (!parse_address(without_port(hops[i].address))) break;
    speaker = hops[i].address;
    client.address = speaker;
  }
  return client;
}

}  // namespace prefork::http
