#include <memory>
#include <utility>
#include <vector>

#include "framework/http/server/access_log.hpp"
#include "framework/http/server/connection.hpp"
#include "framework/http/server/slow_log.hpp"
#include "framework/worker/net/protocol.hpp"

#include <prefork/http/service.hpp>

namespace prefork::http {

namespace {

/// Drives the HTTP services of one listener.
class HttpProtocol final : public worker::Protocol {
 public:
  HttpProtocol(worker::ServiceHost& first, Endpoint services, std::vector<std::unique_ptr<AccessLog>> logs,
               std::vector<std::unique_ptr<SlowLog>> slow_logs)
      : logs_(std::move(logs)), slow_logs_(std::move(slow_logs)), share_(first, std::move(services)) {}

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
  std::vector<std::unique_ptr<SlowLog>> slow_logs_;
  ConnectionShare share_;
};

}  // namespace

std::unique_ptr<worker::Protocol> Service::make_protocol(std::span<worker::ServiceHost* const> sharing) {
  Endpoint endpoint;
  std::vector<std::unique_ptr<AccessLog>> logs;
  std::vector<std::unique_ptr<SlowLog>> slow_logs;
  for (worker::ServiceHost* host : sharing) {
    Router router;
    static_cast<Service&>(host->service()).routes(router);
    AccessLog* log = nullptr;
    if (auto made = AccessLog::of(*host)) log = logs.emplace_back(std::move(made)).get();
    SlowLog* slow_log = nullptr;
    if (auto made = SlowLog::of(*host)) slow_log = slow_logs.emplace_back(std::move(made)).get();
    endpoint.mount({host->options().text("mount"), HostNames(host->options().text("host"))}, std::move(router),
                   HttpOptions::from(*host), host, {log, slow_log, host->request_times(), host->responses()});
  }
  return std::make_unique<HttpProtocol>(*sharing.front(), std::move(endpoint), std::move(logs), std::move(slow_logs));
}

}  // namespace prefork::http
