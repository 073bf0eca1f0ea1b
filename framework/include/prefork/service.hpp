#pragma once

#include <memory>
#include <span>

#include <prefork/api.hpp>
#include <prefork/connection.hpp>
#include <prefork/context.hpp>
#include <prefork/datagram.hpp>
#include <prefork/manifest.hpp>
#include <prefork/plugin.hpp>
#include <prefork/task.hpp>

namespace prefork {

namespace worker {
class Protocol;
class ServiceHost;
class ServiceRuntime;
}  // namespace worker

/// What every service is: something that is started in each worker of its pool and stopped there.
/// Derive from `Service`, `BlockingService` or `http::Service`, not from this.
class PREFORK_API ServiceBase {
 public:
  ServiceBase(const ServiceBase&) = delete;
  ServiceBase& operator=(const ServiceBase&) = delete;
  virtual ~ServiceBase();

  /// Called once in each worker before it takes connections. The worker is ready when every service's
  /// start has ended; one that throws, or takes longer than the pool's `boot-timeout`, is a worker that
  /// can't start. The context lives as long as the service.
  virtual Task<void> start(Context& context);

  /// Called once when the worker has served its last connection, before it exits.
  virtual Task<void> stop();

 protected:
  ServiceBase() = default;

 private:
  friend class worker::ServiceRuntime;
  /// How the worker drives this kind of service: the bridge to the runtime, implemented by the three
  /// classes that services derive from. `sharing` are the services of one listener, this one's first.
  virtual std::unique_ptr<worker::Protocol> make_protocol(std::span<worker::ServiceHost* const> sharing) = 0;
};

/// A service over stream connections and datagrams, written as coroutines. All of a worker's
/// connections share its one thread: nothing that blocks may be called.
class PREFORK_API Service : public ServiceBase {
 public:
  static constexpr ServiceKind kKind = ServiceKind::stream;
  static void describe_base(Manifest& manifest);

  /// Called for each connection of the service's `tcp:` and `unix:` listeners. The connection closes
  /// when the coroutine ends; an exception closes it and is logged.
  virtual Task<void> on_connection(Connection& peer);

  /// Called for each datagram of the service's `udp:` and `unix-dgram:` listeners. For work that takes
  /// time, keep `packet.peer()` and a copy of the bytes and `spawn` a coroutine.
  virtual void on_datagram(Datagram& packet);

 private:
  std::unique_ptr<worker::Protocol> make_protocol(std::span<worker::ServiceHost* const> sharing) final;
};

}  // namespace prefork
