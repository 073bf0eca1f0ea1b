#include "framework/worker/net/peer_address.hpp"

#include <algorithm>

#include "ipc/posix/socket_address.hpp"

namespace prefork::worker {

PeerAddress::PeerAddress(const sockaddr* address, socklen_t length) noexcept {
  if (address->sa_family != AF_INET && address->sa_family != AF_INET6) return;
  std::memcpy(bytes_.data(), address, std::min<std::size_t>(length, bytes_.size()));
}

std::string PeerAddress::to_string() const { return ipc::format_socket_address(bytes_.data(), bytes_.size()); }

}  // namespace prefork::worker
