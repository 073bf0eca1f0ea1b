#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <prefork/api.hpp>

namespace prefork::worker {

/// The addresses of the server's own UDP sockets, of all pools. A datagram that claims to come from one of them is
/// forged, since services send nothing from a listener but answers; answering it would make the sockets answer each
/// other for ever.
class OwnAddresses {
 public:
  OwnAddresses() = default;

  /// Adds a socket's address; a socket that is not UDP over IP is left out.
  PREFORK_API void add(int fd);
  /// For another process of the server.
  std::string packed() const;
  static OwnAddresses unpacked(std::string_view bytes);
  /// Whether a datagram's sender is one of them. `now_ms` is of the loop's clock. Blocks: never.
  bool has(const sockaddr_storage& sender, std::uint64_t now_ms);

 private:
  struct Bound {
    in6_addr address;  ///< IPv4 as ::ffff:A.B.C.D
    in_port_t port;    ///< in network byte order
    bool any;          ///< bound to all addresses of this host
    bool takes_ipv4;
    bool takes_ipv6;
  };

  bool is_local(const in6_addr& address, std::uint64_t now_ms);
  void look_up_local();

  std::vector<Bound> bound_;
  std::vector<in6_addr> local_;  ///< this host's addresses, as of then
  std::optional<std::uint64_t> looked_up_ms_;
};

}  // namespace prefork::worker
