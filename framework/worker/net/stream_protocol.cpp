#include <memory>
#include <string>
#include <utility>

#include "framework/worker/net/coroutine_connection.hpp"
#include "framework/worker/net/protocol.hpp"
#include "framework/worker/service/detached.hpp"
#include "framework/worker/service/service_host.hpp"
#include "ipc/posix/check.hpp"

#include <prefork/service.hpp>

namespace prefork {

namespace worker {
namespace {

Detached serve(CoroutineConnection& connection, Service& service) {
  try {
    co_await service.on_connection(connection);
  } catch (...) {
    connection.host().log_exception("connection of " + connection.peer().to_string());
  }
  connection.finish();
}

/// Drives a coroutine service.
class StreamProtocol final : public Protocol {
 public:
  StreamProtocol(ServiceHost& host, Service& service) : host_(host), service_(service) {}

  void open(Transport transport, const PeerAddress& peer) override {
    auto* connection =
        new CoroutineConnection(host_, std::move(transport), peer);  // the loop destroys it after close()
    host_.begin_activity(ipc::ActivityKind::connection, peer.raw());
    serve(*connection, service_);
    connection->attach();
  }

  void receive(Datagram& packet) override {
    try {
      service_.on_datagram(packet);
    } catch (...) {
      host_.log_exception("datagram of " + packet.peer_address());
    }
  }

 private:
  ServiceHost& host_;
  Service& service_;
};

}  // namespace
}  // namespace worker

ServiceBase::~ServiceBase() = default;
Task<void> ServiceBase::start(Context&) { return {}; }
Task<void> ServiceBase::stop() { return {}; }

void Service::describe_base(Manifest&) {}
Task<void> Service::on_connection(Connection&) { return {}; }
void Service::on_datagram(Datagram&) {}

std::unique_ptr<worker::Protocol> Service::make_protocol(std::span<worker::ServiceHost* const> sharing) {
  PREFORK_CHECK(sharing.size() == 1);
  return std::make_unique<worker::StreamProtocol>(*sharing.front(), *this);
}

}  // namespace prefork
