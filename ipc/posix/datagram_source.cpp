#include "ipc/posix/datagram_source.hpp"

#include <cstring>

namespace prefork::ipc {

namespace {

bool set_flag(int fd, int level, int option) noexcept {
  const int on = 1;
  return ::setsockopt(fd, level, option, &on, sizeof on) == 0;
}

template <class Info>
Info info_of(const cmsghdr& header) noexcept {
  Info info{};
  std::memcpy(&info, CMSG_DATA(&header), sizeof info);
  return info;
}

}  // namespace

bool tell_destinations(int fd) noexcept {
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length) == -1) return false;
  if (bound.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(bound);
    return in.sin_addr.s_addr == INADDR_ANY && set_flag(fd, IPPROTO_IP, IP_PKTINFO);
  }
  if (bound.ss_family != AF_INET6) return false;
  const auto& in6 = reinterpret_cast<const sockaddr_in6&>(bound);
  if (!IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr)) return false;
  set_flag(fd, IPPROTO_IP, IP_PKTINFO);  // of IPv4 clients, if the socket takes them
  return set_flag(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
}

// An IPv4 datagram on an IPv6 socket has both. That of IPv4 is better: for a broadcast datagram it names the address of
// the interface it came in at.
DatagramSource::DatagramSource(const msghdr& received) noexcept {
  msghdr message = received;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      auto info = info_of<in_pktinfo>(*header);
      info.ipi_ifindex = 0;  // routing finds the way back
      name(IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
      return;
    }
    if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      auto info = info_of<in6_pktinfo>(*header);
      if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr)) continue;
      if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
      name(IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
  }
}

void DatagramSource::name(int level, int type, const void* info, std::size_t bytes) noexcept {
  cmsghdr header{};
  header.cmsg_level = level;
  header.cmsg_type = type;
  header.cmsg_len = CMSG_LEN(bytes);
  std::memcpy(control_.data(), &header, sizeof header);
  std::memcpy(control_.data() + CMSG_LEN(0), info, bytes);
  length_ = CMSG_SPACE(bytes);
}

void DatagramSource::put_into(msghdr& message) const noexcept {
  // sendmsg(2) only reads it.
  message.msg_control = length_ == 0 ? nullptr : const_cast<char*>(control_.data());
  message.msg_controllen = length_;
}

}  // namespace prefork::ipc
