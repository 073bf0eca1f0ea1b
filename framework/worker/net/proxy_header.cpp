#include "framework/worker/net/proxy_header.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace prefork::worker {
namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kVersion1 = "PROXY ";
constexpr std::size_t kMaxLine = 107;
constexpr std::size_t kFixedBytes = 16;  // in version 2

std::string_view next_word(std::string_view& line) noexcept {
  const std::size_t blank = line.find(' ');
  const std::string_view word = line.substr(0, blank);
  line = blank == std::string_view::npos ? std::string_view() : line.substr(blank + 1);
  return word;
}

bool parse_port(std::string_view text, in_port_t& port) noexcept {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return false;
  if (text.size() > 1 && text.front() == '0') return false;
  port = htons(number);
  return true;
}

bool parse_ip(int family, std::string_view text, void* out) noexcept {
  std::array<char, INET6_ADDRSTRLEN + 1> plain{};
  if (text.empty() || text.size() >= plain.size()) return false;
  std::memcpy(plain.data(), text.data(), text.size());
  return ::inet_pton(family, plain.data(), out) == 1;
}

template <class Address>
PeerAddress as_peer(const Address& address) noexcept {
  return {reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

/// "SRC DST SPORT DPORT" for one family: both addresses are checked, the source is kept.
template <class Address, class Ip>
bool parse_addresses(std::string_view words, int family, Address& source, Ip Address::*ip, in_port_t Address::*port) {
  Address destination{};
  const std::string_view from = next_word(words), to = next_word(words), from_port = next_word(words);
  return parse_ip(family, from, &(source.*ip)) && parse_ip(family, to, &(destination.*ip)) &&
         parse_port(from_port, source.*port) && parse_port(words, destination.*port);
}

ProxyResult parse_text(std::string_view bytes, ProxyHeader& header) noexcept {
  const std::size_t end = bytes.substr(0, kMaxLine).find('\n');
  if (end == std::string_view::npos) return bytes.size() >= kMaxLine ? ProxyResult::malformed : ProxyResult::incomplete;
  if (bytes[end - 1] != '\r') return ProxyResult::malformed;
  header.bytes = end + 1;
  std::string_view line = bytes.substr(kVersion1.size(), end - 1 - kVersion1.size());
  const std::string_view family = next_word(line);
  if (family == "UNKNOWN") return ProxyResult::complete;
  if (family == "TCP4") {
    sockaddr_in source{};
    source.sin_family = AF_INET;
    if (!parse_addresses(line, AF_INET, source, &sockaddr_in::sin_addr, &sockaddr_in::sin_port))
      return ProxyResult::malformed;
    header.peer = as_peer(source);
    return ProxyResult::complete;
  }
  sockaddr_in6 source{};
  source.sin6_family = AF_INET6;
  if (family != "TCP6" || !parse_addresses(line, AF_INET6, source, &sockaddr_in6::sin6_addr, &sockaddr_in6::sin6_port))
    return ProxyResult::malformed;
  header.peer = as_peer(source);
  return ProxyResult::complete;
}

std::uint8_t byte_at(std::string_view bytes, std::size_t at) noexcept { return static_cast<std::uint8_t>(bytes[at]); }

ProxyResult parse_binary(std::string_view bytes, ProxyHeader& header) noexcept {
  if (bytes.size() < kFixedBytes) return ProxyResult::incomplete;
  const unsigned version = byte_at(bytes, 12) >> 4, command = byte_at(bytes, 12) & 15;
  const unsigned family = byte_at(bytes, 13) >> 4, transport = byte_at(bytes, 13) & 15;
  const std::size_t length = static_cast<std::size_t>(byte_at(bytes, 14)) << 8 | byte_at(bytes, 15);
  if (version != 2 || command > 1 || family > 3 || transport > 2) return ProxyResult::malformed;
  if (kFixedBytes + length > kMaxProxyHeader) return ProxyResult::malformed;
  if (bytes.size() < kFixedBytes + length) return ProxyResult::incomplete;
  header.bytes = kFixedBytes + length;
  const char* const addresses = bytes.data() + kFixedBytes;
  constexpr unsigned kLocal = 0, kIpv4 = 1, kIpv6 = 2;
  if (command == kLocal) return ProxyResult::complete;
  if (family == kIpv4) {
    if (length < 12) return ProxyResult::malformed;
    sockaddr_in source{};
    source.sin_family = AF_INET;
    std::memcpy(&source.sin_addr, addresses, 4);
    std::memcpy(&source.sin_port, addresses + 8, 2);
    header.peer = as_peer(source);
  } else if (family == kIpv6) {
    if (length < 36) return ProxyResult::malformed;
    sockaddr_in6 source{};
    source.sin6_family = AF_INET6;
    std::memcpy(&source.sin6_addr, addresses, 16);
    std::memcpy(&source.sin6_port, addresses + 32, 2);
    header.peer = as_peer(source);
  } else if (family == 3) {
    header.peer = PeerAddress();  // a unix socket
  }
  return ProxyResult::complete;
}

bool may_begin(std::string_view bytes, std::string_view start) noexcept {
  return bytes.substr(0, start.size()) == start.substr(0, std::min(start.size(), bytes.size()));
}

}  // namespace

ProxyResult parse_proxy_header(std::string_view bytes, ProxyHeader& header) noexcept {
  header = ProxyHeader{};
  if (may_begin(bytes, kSignature)) {
    return bytes.size() < kSignature.size() ? ProxyResult::incomplete : parse_binary(bytes, header);
  }
  if (!may_begin(bytes, kVersion1)) return ProxyResult::malformed;
  return bytes.size() < kVersion1.size() ? ProxyResult::incomplete : parse_text(bytes, header);
}

}  // namespace prefork::worker
