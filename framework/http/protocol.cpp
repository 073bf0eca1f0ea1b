#include <memory>
#include <utility>
#include <vector>

#include "framework/http/access_log.hpp"
#include "framework/http/connection.hpp"
#include "framework/worker/protocol.hpp"

#include <prefork/http/service.hpp>

namespace prefork::http {

namespace {

/// Drives the HTTP services of one listener.
class HttpProtocol final : public worker::Protocol {
 public:
  HttpProtocol(worker::ServiceHost& first, Endpoint services, std::vector<std::unique_ptr<AccessLog>> logs)
      : logs_(std::move(logs)), share_(first, std::move(services)) {}

  void open(ipc::UniqueFd fd, const worker::PeerAddress& peer) override {
    auto* connection = new Connection(share_, std::move(fd), peer);  // destroyed by the loop, after close()
    connection->open();
  }
  void receive(Datagram&) override {}
  void finish() noexcept override {
    for (auto& log : logs_) log->finish();
  }

 private:
  std::vector<std::unique_ptr<AccessLog>> logs_;
  ConnectionShare share_;
};

}  // namespace

std::unique_ptr<worker::Protocol> Service::make_protocol(std::span<worker::ServiceHost* const> sharing) {
  Endpoint endpoint;
  std::vector<std::unique_ptr<AccessLog>> logs;
  for (worker::ServiceHost* host : sharing) {
    Router router;
    static_cast<Service&>(host->service()).routes(router);
    AccessLog* log = nullptr;
    if (auto made = AccessLog::of(*host)) log = logs.emplace_back(std::move(made)).get();
    endpoint.mount({host->text("mount"), HostNames(host->text("host")), log, host->request_times()}, std::move(router),
                   ServiceLimits::from(*host), host);
  }
  return std::make_unique<HttpProtocol>(*sharing.front(), std::move(endpoint), std::move(logs));
}

}  // namespace prefork::http
