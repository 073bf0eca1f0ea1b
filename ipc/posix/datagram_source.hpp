#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>

namespace prefork::ipc {

/// Makes the system report which of this host's addresses each datagram was sent to, if the socket is bound to all of
/// them. An answer must come from that address, or the client takes it for somebody else's. Process: any; may be called
/// repeatedly.
/// @return whether it reports; false: the socket has one address or none and needs none of this. Source: IP_PKTINFO in
/// ip(7), IPV6_RECVPKTINFO in ipv6(7).
bool tell_destinations(int fd) noexcept;

/// The address that a datagram was sent to, as the control message that makes an answer leave from it.
class DatagramSource {
 public:
  /// Room for what recvmsg(2) reports about one datagram.
  static constexpr std::size_t kReceivedBytes = CMSG_SPACE(sizeof(in_pktinfo)) + CMSG_SPACE(sizeof(in6_pktinfo));

  /// No address: the system chooses.
  DatagramSource() noexcept = default;
  /// Takes the address from a received message; none if it has none that could be a source (multicast).
  explicit DatagramSource(const msghdr& received) noexcept;

  /// Makes sendmsg(2) send the message from that address. The message is valid only as long as this object lives.
  void put_into(msghdr& message) const noexcept;

 private:
  void name(int level, int type, const void* info, std::size_t bytes) noexcept;

  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control_{};
  std::size_t length_ = 0;
};

}  // namespace prefork::ipc
