#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/worker/net/protocol.hpp"
#include "framework/worker/service/detached.hpp"
#include "framework/worker/service/runtime.hpp"
#include "framework/worker/service/service_host.hpp"
#include "framework/worker/shared/service_setup.hpp"
#include "framework/worker/shared/shared_objects.hpp"
#include "framework/worker/shared/shared_waits.hpp"
#include "framework/worker/shared/signals.hpp"
#include "ipc/objects/metrics.hpp"
#include "ipc/objects/party.hpp"

#include <prefork/service.hpp>

namespace prefork::worker {

/// Everything that services need to run, without the sockets of a worker: used by the worker, by prefork::testkit and
/// by the framework's tests. Whoever owns it turns the loop and tells `waits()` of the worker's bell.
class ServiceRuntime final {
 public:
  /// Why a start() or stop() failed.
  struct Failure {
    std::string sentence;  ///< names the service
    std::exception_ptr error;
  };

  /// `slot`, `log`, the bells of `self` and `signals` must outlive it.
  /// @param signals  the server's topic of signals; null: no service declared that it uses signals
  ServiceRuntime(WorkerIdentity identity, ipc::WorkerSlot& slot, LogSink& log, ipc::Party self,
                 const ipc::SharedObject* signals = nullptr);

  Runtime& runtime() noexcept { return runtime_; }
  SharedWaits& waits() noexcept { return waits_; }
  Signals& signals() noexcept { return signals_; }

  /// Makes the next host, with its shared objects, which must outlive this. Its service comes by ServiceHost::host().
  ServiceHost& add(ServiceSetup setup);
  ServiceHost& host(std::size_t index) const { return *services_.at(index).host; }
  std::size_t count() const noexcept { return services_.size(); }
  bool has_request_timeouts() const noexcept;

  /// Calls start(), or stop(), of every service. They may wait: turn the loop while busy(). What stop() throws is
  /// logged.
  void start();
  void stop();
  bool busy() const noexcept { return pending_ > 0; }
  /// The first failure of a start() or stop().
  const std::optional<Failure>& failure() const noexcept { return failure_; }

  /// What serves the clients of one listener. Its services' routes are asked for here.
  /// @param services  the listener's, as indexes in the order of add(); not empty
  std::unique_ptr<Protocol> protocol_of(const std::vector<std::uint8_t>& services) const;

  /// Tells connections and waiting coroutines that the worker is leaving.
  void drain(DrainMode mode);

 private:
  struct Hosted {
    std::unique_ptr<ServiceHost> host;
    std::unique_ptr<SharedObjects> shared;
    std::unique_ptr<ipc::SharedHistogram> request_times;
    std::unique_ptr<ipc::SharedResponses> responses;
  };

  Detached start(ServiceHost& host);
  Detached stop(ServiceHost& host);
  void fail(const ServiceHost& host, const char* what);

  WorkerIdentity identity_;
  Runtime runtime_;
  SharedWaits waits_;
  Signals signals_;
  std::vector<Hosted> services_;
  std::size_t pending_ = 0;
  std::optional<Failure> failure_;
};

}  // namespace prefork::worker
