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

Detached serve(CoroutineConnection& connection, prefork::Protocol& protocol) {
  try {
    co_await protocol.on_connection(connection);
  } catch (...) {
    connection.host().log_exception("connection of " + connection.peer().to_string());
  }
  connection.finish();
}

/// Drives a protocol over the stream API.
class StreamProtocol final : public Protocol {
 public:
  StreamProtocol(ServiceHost& host, std::unique_ptr<prefork::Protocol> protocol)
      : host_(host), protocol_(std::move(protocol)) {}

  void open(Transport transport, const PeerAddress& peer) override {
    auto* connection =
        new CoroutineConnection(host_, std::move(transport), peer);  // the loop destroys it after close()
    host_.begin_activity(ipc::ActivityKind::connection, peer.raw());
    serve(*connection, *protocol_);
    connection->attach();
  }

  void on_datagram(Datagram& packet) override {
    try {
      protocol_->on_datagram(packet);
    } catch (...) {
      host_.log_exception("datagram of " + packet.peer_address());
    }
  }
  void finish() noexcept override { protocol_->finish(); }

 private:
  ServiceHost& host_;
  std::unique_ptr<prefork::Protocol> protocol_;
};

}  // namespace

std::unique_ptr<Protocol> over_sockets(ServiceHost& host, std::unique_ptr<prefork::Protocol> protocol) {
  if (auto* ready = dynamic_cast<Protocol*>(protocol.get()); ready != nullptr) {
    protocol.release();
    return std::unique_ptr<Protocol>(ready);
  }
  return std::make_unique<StreamProtocol>(host, std::move(protocol));
}

}  // namespace worker

namespace {

/// Passes all clients to one service.
class ServiceProtocol final : public Protocol {
 public:
  explicit ServiceProtocol(Service& service) : service_(service) {}
  Task<void> on_connection(Connection& peer) override { return service_.on_connection(peer); }
  void on_datagram(Datagram& packet) override { service_.on_datagram(packet); }

 private:
  Service& service_;
};

}  // namespace

Protocol::~Protocol() = default;
Task<void> Protocol::on_connection(Connection&) { return {}; }
void Protocol::on_datagram(Datagram&) {}
void Protocol::finish() noexcept {}

ServiceBase::~ServiceBase() = default;
Task<void> ServiceBase::start(Context&) { return {}; }
Task<void> ServiceBase::stop() { return {}; }

void Service::describe_base(Manifest&) {}
Task<void> Service::on_connection(Connection&) { return {}; }
void Service::on_datagram(Datagram&) {}

std::unique_ptr<Protocol> Service::make_protocol(std::span<const Hosted> sharing) {
  PREFORK_CHECK(sharing.size() == 1);
  return std::make_unique<ServiceProtocol>(*this);
}

}  // namespace prefork
