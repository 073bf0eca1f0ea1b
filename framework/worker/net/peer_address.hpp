#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace prefork::worker {

/// The address of a stream's peer, small enough for every connection to keep. A unix peer has no useful address.
class PeerAddress {
 public:
  PeerAddress() noexcept = default;
  PeerAddress(const sockaddr* address, socklen_t length) noexcept;

  /// "192.0.2.7:51234", "[2001:db8::1]:51234", "unix"
  std::string to_string() const;
  /// The socket address as the kernel returned it, for the scoreboard.
  std::string_view raw() const noexcept { return {bytes_.data(), bytes_.size()}; }

 private:
  std::array<char, sizeof(sockaddr_in6)> bytes_{};  // a sockaddr_in or sockaddr_in6, or zero
};

}  // namespace prefork::worker
