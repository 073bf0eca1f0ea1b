#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What proxies say about the client behind them: RFC 7239, and the older X-Forwarded-For and -Proto. Pure.
namespace prefork::http {

/// Addresses and networks: "10.0.0.0/8 2001:db8::/32 192.0.2.7 unix".
class Networks {
 public:
  /// An empty list.
  Networks() = default;
  /// `list` is separated by blanks or commas. @throws std::invalid_argument with a sentence about the first invalid
  /// entry
  explicit Networks(std::string_view list);

  bool empty() const noexcept { return networks_.empty() && !unix_; }
  /// @param address  "192.0.2.7", "2001:db8::1", both optionally with a port (the latter then in brackets), or "unix".
  /// An IPv4 address written as an IPv6 address counts as the IPv4 address.
  bool contains(std::string_view address) const noexcept;

 private:
  struct Network {
    std::array<std::uint8_t, 16> bytes{};  // IPv4 as ::ffff:a.b.c.d
    unsigned bits = 128;
  };

  std::vector<Network> networks_;
  bool unix_ = false;
};

/// The relevant field lines, each list in the order of its lines.
struct ForwardedFields {
  std::vector<std::string_view> forwarded;
  std::vector<std::string_view> forwarded_for;    ///< X-Forwarded-For; counts only without Forwarded
  std::vector<std::string_view> forwarded_proto;  ///< X-Forwarded-Proto
};

struct ForwardedClient {
  std::string address;  ///< as it was sent, with its port if one was sent
  bool secure = false;  ///< whether it uses https with the proxy
};

/// Walks back from `peer`, the connection's own address, as long as the speaker is trusted. A proxy that is not
/// trusted, or does not give an address, is the client.
ForwardedClient forwarded_client(std::string_view peer, const ForwardedFields& fields, const Networks& trusted);

}  // namespace prefork::http
