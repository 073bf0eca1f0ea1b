#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/master/generation/listener_set.hpp"
#include "framework/master/loop/reactor.hpp"

namespace prefork::master {

/// Waits for the first client of a pool without workers: its listening sockets are in the master's loop, and stay open,
/// for as long as this object lives. It accepts and receives nothing.
class ListenerWatch {
 public:
  /// @param on_client  called in each turn of the loop in which a client waits
  /// @throws std::system_error: nothing is watched then
  ListenerWatch(Reactor& reactor, const ListenerSet& listeners, const std::string& pool,
                const std::function<void()>& on_client);
  ListenerWatch(const ListenerWatch&) = delete;
  ListenerWatch& operator=(const ListenerWatch&) = delete;
  ~ListenerWatch() { forget(); }

 private:
  void forget() noexcept;

  Reactor& reactor_;
  std::vector<std::shared_ptr<ListeningSocket>> watched_;
};

/// What waits in the kernel for a pool's workers: connections that nobody has accepted, if the kernel says how many,
/// and one for each other socket that has something. Blocks: never.
std::uint64_t waiting_clients(const ListenerSet& listeners, const std::string& pool) noexcept;

}  // namespace prefork::master
