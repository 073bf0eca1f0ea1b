#pragma once

#include <chrono>
#include <utility>

#include "framework/worker/net/byte_stream.hpp"
#include "framework/worker/net/client.hpp"

namespace prefork::worker {

/// A client's stream: a ByteStream that is also a Client.
class StreamConnection : public ByteStream, public Client {
 public:
  StreamConnection(ServiceHost& host, Transport transport, const PeerAddress& peer)
      : ByteStream(host.runtime(), std::move(transport), &host.runtime().slot), Client(host, peer) {}

 protected:
  /// set_deadline() for a wait for the client's first bytes. A worker that stops gives them a second: they may be on
  /// their way, and the client would take the end for a failure.
  void await_first_bytes(std::chrono::milliseconds limit);
  /// Sets that deadline anew, when the worker begins to stop.
  void hurry_first_bytes();

 private:
  void on_left() noexcept final { depart(); }
};

}  // namespace prefork::worker
