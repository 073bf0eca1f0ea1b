#include <memory>
#include <utility>

#include "framework/http/connection.hpp"
#include "framework/worker/protocol.hpp"

#include <prefork/http/service.hpp>

namespace prefork::http {

namespace {

/// Drives the HTTP services of one listener.
class HttpProtocol final : public worker::Protocol {
 public:
  HttpProtocol(worker::ServiceHost& first, Endpoint services) : share_(first, std::move(services)) {}

  void open(ipc::UniqueFd fd, const worker::PeerAddress& peer) override {
    auto* connection = new Connection(share_, std::move(fd), peer);  // destroyed by the loop, after close()
    connection->open();
  }
  void receive(Datagram&) override {}

 private:
  ConnectionShare share_;
};

}  // namespace

std::unique_ptr<worker::Protocol> Service::make_protocol(std::span<worker::ServiceHost* const> sharing) {
  Endpoint endpoint;
  for (worker::ServiceHost* host : sharing) {
    Router router;
    static_cast<Service&>(host->service()).routes(router);
    endpoint.mount({host->text("mount"), HostNames(host->text("host"))}, std::move(router), ServiceLimits::from(*host),
                   host);
  }
  return std::make_unique<HttpProtocol>(*sharing.front(), std::move(endpoint));
}

}  // namespace prefork::http
