#pragma once

#include "framework/worker/net/peer_address.hpp"
#include "framework/worker/net/transport.hpp"

#include <prefork/datagram.hpp>

namespace prefork::worker {

/// Serves the clients of one listener: the bridge from sockets to a kind of service.
class Protocol {
 public:
  virtual ~Protocol() = default;

  /// Takes over an accepted connection.
  virtual void open(Transport transport, const PeerAddress& peer) = 0;
  /// Answers one datagram.
  virtual void receive(Datagram& packet) = 0;
  /// The worker is about to end: nothing will be destroyed. Waits at most for a moment.
  virtual void finish() noexcept {}
};

}  // namespace prefork::worker
