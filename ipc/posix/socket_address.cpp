#include "ipc/posix/socket_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

namespace prefork::ipc {

namespace {

template <class Address>
bool copy(Address& to, const void* from, std::size_t bytes) {
  if (bytes < sizeof to) return false;
  std::memcpy(&to, from, sizeof to);
  return true;
}

std::string format_unix(const void* address, std::size_t bytes) {
  sockaddr_un un{};
  std::memcpy(&un, address, std::min(bytes, sizeof un));
  const std::size_t length = std::min(bytes, sizeof un) - offsetof(sockaddr_un, sun_path);
  const std::size_t used = ::strnlen(un.sun_path, length);
  return used == 0 ? "unix" : "unix:" + std::string(un.sun_path, used);
}

}  // namespace

std::string format_socket_address(const void* address, std::size_t bytes) {
  if (bytes == 0) return "unix";  // recvmsg(2) of a datagram from an unnamed unix socket
  sa_family_t family = AF_UNSPEC;
  if (!copy(family, address, bytes)) return "?";
  char text[INET6_ADDRSTRLEN];
  if (sockaddr_in in{}; family == AF_INET && copy(in, address, bytes)) {
    ::inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(in.sin_port));
  }
  if (sockaddr_in6 in6{}; family == AF_INET6 && copy(in6, address, bytes)) {
    ::inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(in6.sin6_port));
  }
  if (family == AF_UNIX) return format_unix(address, bytes);
  return family == AF_UNSPEC ? "unix" : "?";
}

}  // namespace prefork::ipc
