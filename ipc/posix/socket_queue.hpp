#pragma once

#include <cstdint>
#include <optional>

namespace prefork::ipc {

/// What waits in a socket's kernel queue, to be accepted or received.
struct SocketQueue {
  std::uint64_t waiting = 0;  ///< listening sockets: connections; datagram sockets: bytes of memory
  std::uint64_t limit = 0;    ///< in the same unit
  std::uint64_t dropped = 0;  ///< datagrams that found no room; the kernel does not count this for listening sockets

  bool operator==(const SocketQueue&) const = default;
};

/// The queue of a listening TCP socket (tcp(7), TCP_INFO) or unix socket (sock_diag(7), if the kernel has unix_diag).
/// @return nullopt: the kernel does not say. Blocks: never
std::optional<SocketQueue> accept_queue(int socket) noexcept;

/// The queue of a datagram socket (SO_MEMINFO, Linux 4.12). @return nullopt: the kernel does not say. Blocks: never
std::optional<SocketQueue> datagram_queue(int socket) noexcept;

}  // namespace prefork::ipc
