#include "framework/worker/service_runtime.hpp"

#include <algorithm>
#include <utility>

#include "framework/worker/net/stream_connection.hpp"

namespace prefork::worker {

ServiceRuntime::ServiceRuntime(WorkerIdentity identity, ipc::WorkerSlot& slot, LogSink& log, ipc::Party self,
                               const ipc::SharedObject* signals)
    : identity_(std::move(identity)),
      runtime_(slot, log),
      waits_(runtime_, self),
      signals_(waits_, identity_, signals) {}

ServiceHost& ServiceRuntime::add(ServiceSetup setup) {
  Hosted hosted;
  hosted.shared = std::make_unique<SharedObjects>(waits_, setup, identity_);
  hosted.host = std::make_unique<ServiceHost>(runtime_, identity_, static_cast<std::uint8_t>(count()), setup.name,
                                              std::move(setup.options), setup.limits);
  ServiceHost& host = *hosted.host;
  host.access_log_fd(setup.access_log_fd);
  host.log_level(setup.log_level);
  host.share(*hosted.shared, signals_);
  if (const ipc::SharedObject* object = setup.request_times; object != nullptr) {
    hosted.request_times = std::make_unique<ipc::SharedHistogram>(object->memory(), ipc::SharedHistogram::Shape{},
                                                                  object->slots(), waits_.self());
    host.request_times(hosted.request_times.get());
  }
  if (const ipc::SharedObject* object = setup.responses; object != nullptr) {
    hosted.responses = std::make_unique<ipc::SharedResponses>(object->memory(), object->slots(), waits_.self());
    host.responses(hosted.responses.get());
  }
  services_.push_back(std::move(hosted));
  return host;
}

bool ServiceRuntime::has_request_timeouts() const noexcept {
  return std::any_of(services_.begin(), services_.end(),
                     [](const Hosted& hosted) { return hosted.host->limits().request_timeout.count() > 0; });
}

void ServiceRuntime::start() {
  pending_ = count();
  for (const Hosted& hosted : services_) start(*hosted.host);
}

void ServiceRuntime::stop() {
  pending_ = count();
  for (const Hosted& hosted : services_) stop(*hosted.host);
}

Detached ServiceRuntime::start(ServiceHost& host) {
  host.begin_activity(ipc::ActivityKind::starting, {});
  try {
    co_await host.service().start(host);
  } catch (...) {
    fail(host, "start");
  }
  --pending_;
}

Detached ServiceRuntime::stop(ServiceHost& host) {
  host.begin_activity(ipc::ActivityKind::stopping, {});
  try {
    co_await host.service().stop();
  } catch (...) {
    host.log_exception("stop");
    fail(host, "stop");
  }
  --pending_;
}

void ServiceRuntime::fail(const ServiceHost& host, const char* what) {
  if (failure_) return;
  failure_ = {"service \"" + host.name() + "\" can't " + what + ": " + current_exception_text(),
              std::current_exception()};
}

std::unique_ptr<Protocol> ServiceRuntime::protocol_of(const std::vector<std::uint8_t>& services) const {
  std::vector<ServiceHost*> sharing;
  for (const auto index : services) sharing.push_back(&host(index));
  return sharing.front()->service().make_protocol(sharing);
}

void ServiceRuntime::drain(DrainMode mode) {
  runtime_.drain = mode;
  runtime_.lingering.hurry();
  runtime_.connections.for_each([](StreamConnection& connection) { connection.on_drain(); });
  waits_.on_drain();
}

}  // namespace prefork::worker
