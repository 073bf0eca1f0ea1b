#include "framework/master/workforce/listener_watch.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include "ipc/posix/socket_queue.hpp"

namespace prefork::master {

namespace {

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
    for (const auto& socket : listener.sockets) {
      const auto queue = ipc::accept_queue(socket->get());
      waiting += queue ? queue->waiting : is_readable(socket->get());
    }
  }
  return waiting;
}

}  // namespace prefork::master
