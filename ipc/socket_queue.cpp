#include "ipc/socket_queue.hpp"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>

namespace prefork::ipc {

std::optional<SocketQueue> accept_queue(int socket) noexcept {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) == -1 || info.tcpi_state != TCP_LISTEN) return {};
  // These two have another meaning while a socket listens: tcp_get_info() in net/ipv4/tcp.c.
  return SocketQueue{info.tcpi_unacked, info.tcpi_sacked, 0};
}

std::optional<SocketQueue> datagram_queue(int socket) noexcept {
  std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t length = sizeof info;
  if (::getsockopt(socket, SOL_SOCKET, SO_MEMINFO, info.data(), &length) == -1) return {};
  return SocketQueue{info[SK_MEMINFO_RMEM_ALLOC], info[SK_MEMINFO_RCVBUF], info[SK_MEMINFO_DROPS]};
}

}  // namespace prefork::ipc
