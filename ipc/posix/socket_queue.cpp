#include "ipc/posix/socket_queue.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <span>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::ipc {

namespace {

struct UnixQuestion {
  nlmsghdr header;
  unix_diag_req request;
};

// Reads the one attribute that was asked for. Anything else is no answer.
std::optional<SocketQueue> read_unix_answer(std::span<const std::byte> answer) noexcept {
  constexpr std::size_t kFixed = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(unix_diag_msg));
  nlmsghdr header;
  rtattr attribute;
  unix_diag_rqlen queue;
  if (answer.size() < kFixed + sizeof attribute + sizeof queue) return {};
  std::memcpy(&header, answer.data(), sizeof header);
  std::memcpy(&attribute, answer.data() + kFixed, sizeof attribute);
  if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY || attribute.rta_type != UNIX_DIAG_RQLEN) return {};
  std::memcpy(&queue, answer.data() + kFixed + RTA_LENGTH(0), sizeof queue);
  return SocketQueue{queue.udiag_rqueue, queue.udiag_wqueue, 0};
}

// The kernel answers within send(2).
std::optional<SocketQueue> unix_accept_queue(int socket) noexcept {
  struct stat status {};
  const UniqueFd line(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG));
  if (!line.is_open() || ::fstat(socket, &status) == -1) return {};
  UnixQuestion question{};
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST;
  question.request.sdiag_family = AF_UNIX;
  question.request.udiag_states = ~0U;
  question.request.udiag_ino = static_cast<std::uint32_t>(status.st_ino);
  question.request.udiag_show = UDIAG_SHOW_RQLEN;
  question.request.udiag_cookie[0] = question.request.udiag_cookie[1] = ~0U;  // any
  if (::send(line.get(), &question, sizeof question, 0) == -1) return {};
  std::array<std::byte, 512> answer;
  const ssize_t got = ::recv(line.get(), answer.data(), answer.size(), MSG_DONTWAIT);
  if (got <= 0) return {};
  return read_unix_answer(std::span(answer).first(static_cast<std::size_t>(got)));
}

bool listens(int socket, int family) noexcept {
  int domain = 0, accepts = 0;
  socklen_t length = sizeof domain;
  if (::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &length) == -1 || domain != family) return false;
  return ::getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) == 0 && accepts != 0;
}

}  // namespace

std::optional<SocketQueue> accept_queue(int socket) noexcept {
  if (listens(socket, AF_UNIX)) return unix_accept_queue(socket);
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) == -1 || info.tcpi_state != TCP_LISTEN) return {};
  // These two fields have another meaning while a socket listens: tcp_get_info() in net/ipv4/tcp.c.
  return SocketQueue{info.tcpi_unacked, info.tcpi_sacked, 0};
}

std::optional<SocketQueue> datagram_queue(int socket) noexcept {
  std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t length = sizeof info;
  if (::getsockopt(socket, SOL_SOCKET, SO_MEMINFO, info.data(), &length) == -1) return {};
  return SocketQueue{info[SK_MEMINFO_RMEM_ALLOC], info[SK_MEMINFO_RCVBUF], info[SK_MEMINFO_DROPS]};
}

}  // namespace prefork::ipc
