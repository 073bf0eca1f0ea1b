#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What proxies say of the client behind them: RFC 7239, and the older X-Forwarded-For and -Proto. Pure.
namespace prefork::http {

/// Addresses and networks: "10.0.0.0/8 2001:db8::/32 192.0.2.7 unix".
class Networks {
 public:
  /// None.
  Networks() = default;
  /// Blanks or commas between. @throws std::invalid_argument with a sentence about the first that is none
  explicit Networks(std::string_view list);

  bool empty() const noexcept { return networks_.empty() && !unix_; }
  /// @param address  "192.0.2.7", "2001:db8::1", both with a port too (the latter in brackets then), or "unix".
  /// An IPv4 address that is written as an IPv6 one is the IPv4 address.
  bool contains(std::string_view address) const noexcept;

 private:
  struct Network {
    std::array<std::uint8_t, 16> bytes{};  // IPv4 as ::ffff:a.b.c.d
    unsigned bits = 128;
  };

  std::vector<Network> networks_;
  bool unix_ = false;
};

/// The field lines that matter, each list in the order of its lines.
struct ForwardedFields {
  std::vector<std::string_view> forwarded;
  std::vector<std::string_view> forwarded_for;    ///< X-Forwarded-For; counts where there is no Forwarded
  std::vector<std::string_view> forwarded_proto;  ///< X-Forwarded-Proto
};

struct ForwardedClient {
  std::string address;  ///< as it was said, with its port where one was said
  bool secure = false;  ///< it speaks https with the proxy
};

/// Walks back from `peer`, the connection's own address, as long as who speaks is trusted. A proxy that is not, or says
/// nothing that is an address, is the client.
ForwardedClient forwarded_client(std::string_view peer, const ForwardedFields& fields, const Networks& trusted);

}  // namespace prefork::http
