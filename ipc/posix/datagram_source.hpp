#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>

namespace prefork::ipc {

/// Has the system tell which of this host's addresses each datagram was sent to, where the socket is bound to all of
/// them: an answer must come from there, or the client takes it for somebody else's. Any process, any number of times.
/// @return whether it does; false: a socket of one address, or of none, that needs none of this
/// Source: IP_PKTINFO in ip(7), IPV6_RECVPKTINFO in ipv6(7).
bool tell_destinations(int fd) noexcept;

/// The address that a datagram was sent to, as the control message that makes an answer leave from it.
class DatagramSource {
 public:
  /// Room for what recvmsg(2) tells of one datagram.
  static constexpr std::size_t kReceivedBytes = CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(in6_pktinfo));

  /// None: the system chooses.
  DatagramSource() noexcept = default;
  /// Takes it from a received message; none where it has none that could be a source (multicast).
  explicit DatagramSource(const msghdr& received) noexcept;

  /// Has sendmsg(2) of the message send from there. The message is of use as long as this object.
  void put_into(msghdr& message) const noexcept;

 private:
  void name(int level, int type, const void* info, std::size_t bytes) noexcept;

  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control_{};
  std::size_t length_ = 0;
};

}  // namespace prefork::ipc
