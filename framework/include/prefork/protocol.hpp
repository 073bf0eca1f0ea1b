#pragma once

#include <prefork/api.hpp>
#include <prefork/connection.hpp>
#include <prefork/context.hpp>
#include <prefork/datagram.hpp>
#include <prefork/task.hpp>

namespace prefork {

class ServiceBase;

/// A service on a listener, with its context. Both outlive the listener's protocol.
struct Hosted {
  ServiceBase& service;
  Context& context;
};

/// What a worker does with the clients of one listener. A kind of service of your own derives from this and from
/// ServiceBase (docs/writing-a-service.md). Called in the worker's thread: nothing here may block.
class PREFORK_API Protocol {
 public:
  Protocol() = default;
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;
  virtual ~Protocol();

  /// As Service::on_connection. Closes the connection, unless overridden.
  virtual Task<void> on_connection(Connection& peer);
  /// As Service::on_datagram. Drops the datagram, unless overridden.
  virtual void on_datagram(Datagram& packet);
  /// The worker is about to end and destroys nothing. May block for a moment at most.
  virtual void finish() noexcept;
};

}  // namespace prefork
