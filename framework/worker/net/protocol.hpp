#pragma once

#include <memory>

#include "framework/worker/net/peer_address.hpp"
#include "framework/worker/net/transport.hpp"

#include <prefork/protocol.hpp>

namespace prefork::worker {

class ServiceHost;

/// A protocol that takes accepted sockets: of a kind with connections of its own.
class Protocol : public prefork::Protocol {
 public:
  /// Takes over an accepted, non-blocking connection.
  virtual void open(Transport transport, const PeerAddress& peer) = 0;
};

/// What an acceptor and a datagram socket can drive: a protocol over the stream API gets connections to serve.
std::unique_ptr<Protocol> over_sockets(ServiceHost& host, std::unique_ptr<prefork::Protocol> protocol);

}  // namespace prefork::worker
