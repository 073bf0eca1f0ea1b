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

/// Where the server's own UDP sockets are bound, all pools' together. A datagram that claims to come from there was
/// forged, since no service sends any from a listener but answers: answered, it would go to and fro for ever.
class OwnAddresses {
 public:
  OwnAddresses() = default;

  /// Adds a socket's address; one that is of no UDP over IP is left out.
  PREFORK_API void add(int fd);
  /// For the way to another process of the server.
  std::string packed() const;
  static OwnAddresses unpacked(std::string_view bytes);
  /// Whether a datagram's sender is one of them. `now_ms`: of the loop's clock. Blocks: never.
  bool has(const sockaddr_storage& sender, std::uint64_t now_ms);

 private:
  struct Bound {
    in6_addr address;  ///< IPv4 as ::ffff:A.B.C.D
    in_port_t port;    ///< as on the wire
    bool any;          ///< of all addresses of this host
    bool takes_ipv4;
    bool takes_ipv6;
  };

  bool is_local(const in6_addr& address, std::uint64_t now_ms);
  void look_up_local();

  std::vector<Bound> bound_;
  std::vector<in6_addr> local_;  ///< this host's addresses, as they were then
  std::optional<std::uint64_t> looked_up_ms_;
};

}  // namespace prefork::worker
