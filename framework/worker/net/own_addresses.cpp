#include "framework/worker/net/own_addresses.hpp"

#include <ifaddrs.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace prefork::worker {

namespace {

constexpr std::uint64_t kLookUpEveryMs = 1000;

struct Endpoint {
  in6_addr address;
  in_port_t port;
};

std::optional<Endpoint> endpoint_of(const sockaddr* address) {
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 in6{};
    std::memcpy(&in6, address, sizeof in6);
    return Endpoint{in6.sin6_addr, in6.sin6_port};
  }
  if (address->sa_family != AF_INET) return std::nullopt;
  sockaddr_in in{};
  std::memcpy(&in, address, sizeof in);
  Endpoint endpoint{{}, in.sin_port};
  endpoint.address.s6_addr[10] = endpoint.address.s6_addr[11] = 0xff;
  std::memcpy(&endpoint.address.s6_addr[12], &in.sin_addr, sizeof in.sin_addr);
  return endpoint;
}

bool same(const in6_addr& a, const in6_addr& b) noexcept { return std::memcmp(&a, &b, sizeof a) == 0; }

bool is_loopback(const in6_addr& address) noexcept {
  if (IN6_IS_ADDR_V4MAPPED(&address)) return address.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&address);
}

}  // namespace

std::string OwnAddresses::packed() const {
  return {reinterpret_cast<const char*>(bound_.data()), bound_.size() * sizeof(Bound)};
}

OwnAddresses OwnAddresses::unpacked(std::string_view bytes) {
  OwnAddresses own;
  own.bound_.resize(bytes.size() / sizeof(Bound));
  if (!own.bound_.empty()) std::memcpy(own.bound_.data(), bytes.data(), own.bound_.size() * sizeof(Bound));
  return own;
}

void OwnAddresses::add(int fd) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  int type = 0;
  socklen_t type_length = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_length) == -1 || type != SOCK_DGRAM) return;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length) == -1) return;
  const auto endpoint = endpoint_of(reinterpret_cast<const sockaddr*>(&name));
  if (!endpoint) return;
  Bound bound{endpoint->address, endpoint->port, false, name.ss_family == AF_INET, name.ss_family == AF_INET6};
  if (bound.takes_ipv6) {
    int only = 1;
    socklen_t only_length = sizeof only;
    ::getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &only_length);
    bound.any = IN6_IS_ADDR_UNSPECIFIED(&bound.address);
    bound.takes_ipv4 = only == 0;
  } else {
    bound.any = reinterpret_cast<const sockaddr_in&>(name).sin_addr.s_addr == INADDR_ANY;
  }
  bound_.push_back(bound);
}

bool OwnAddresses::has(const sockaddr_storage& sender, std::uint64_t now_ms) {
  const auto endpoint = endpoint_of(reinterpret_cast<const sockaddr*>(&sender));
  if (!endpoint) return false;
  const bool is_ipv4 = IN6_IS_ADDR_V4MAPPED(&endpoint->address);
  return std::any_of(bound_.begin(), bound_.end(), [&](const Bound& bound) {
    if (bound.port != endpoint->port) return false;
    if (!bound.any) return same(bound.address, endpoint->address);
    return (is_ipv4 ? bound.takes_ipv4 : bound.takes_ipv6) && is_local(endpoint->address, now_ms);
  });
}

// Called only for senders with the port of one of our sockets. Addresses come and go while the server runs.
bool OwnAddresses::is_local(const in6_addr& address, std::uint64_t now_ms) {
  if (is_loopback(address)) return true;
  if (!looked_up_ms_ || now_ms - *looked_up_ms_ >= kLookUpEveryMs) {
    looked_up_ms_ = now_ms;
    look_up_local();
  }
  return std::any_of(local_.begin(), local_.end(), [&](const in6_addr& local) { return same(local, address); });
}

void OwnAddresses::look_up_local() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) == -1) return;  // for example refused by a filter: what was known stays valid
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  local_.clear();
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    if (const auto endpoint = endpoint_of(at->ifa_addr)) local_.push_back(endpoint->address);
  }
}

}  // namespace prefork::worker
