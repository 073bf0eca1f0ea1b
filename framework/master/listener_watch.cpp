#include "framework/master/listener_watch.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <exception>

namespace prefork::master {

namespace {

// While a TCP socket listens, these fields have another meaning: tcp_get_info() in net/ipv4/tcp.c.
std::uint64_t accept_queue(int socket) noexcept {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) == -1 || info.tcpi_state != TCP_LISTEN) return 0;
  return info.tcpi_unacked;
}

std::uint64_t is_readable(int socket) noexcept {
  pollfd fd{socket, POLLIN, 0};
  return ::poll(&fd, 1, 0) == 1 && (fd.revents & POLLIN) != 0 ? 1 : 0;
}

}  // namespace

ListenerWatch::ListenerWatch(Reactor& reactor, const ListenerSet& listeners, const std::string& pool,
                             const std::function<void()>& on_client)
    : reactor_(reactor) {
  try {
    for (const BoundListener& listener : listeners.listeners()) {
      if (listener.pool != pool) continue;
      for (const auto& socket : listener.sockets) {
        reactor_.watch(socket->get(), EPOLLIN, [on_client](std::uint32_t) { on_client(); });
        watched_.push_back(socket);
      }
    }
  } catch (...) {
    forget();
    throw;
  }
}

void ListenerWatch::forget() noexcept {
  for (const auto& socket : watched_) reactor_.forget(socket->get());
}

std::uint64_t waiting_clients(const ListenerSet& listeners, const std::string& pool) noexcept {
  std::uint64_t waiting = 0;
  for (const BoundListener& listener : listeners.listeners()) {
    if (listener.pool != pool) continue;
    const bool tcp = listener.spec.scheme == config::ListenScheme::tcp;
    for (const auto& socket : listener.sockets)
      waiting += tcp ? accept_queue(socket->get()) : is_readable(socket->get());
  }
  return waiting;
}

}  // namespace prefork::master
