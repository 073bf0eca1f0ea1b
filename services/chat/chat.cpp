#include <chrono>
#include <memory>

#include "services/chat/hall.hpp"
#include "services/chat/line_wording.hpp"
#include "services/chat/tcp_peer.hpp"
#include "services/chat/udp_desk.hpp"

#include <prefork/service.hpp>

namespace chat {

using namespace std::chrono_literals;
using prefork::Task;

/// The chat room for clients by TCP and UDP.
class Chat final : public prefork::Service {
 public:
  static void describe(prefork::Manifest& manifest) {
    manifest.summary("A chat room over TCP and UDP that no worker owns.");
    Hall::describe(manifest);
    manifest.duration("udp-ttl", 5min, "How long a UDP member may say nothing.", {100, 86'400'000});
  }

  Task<void> start(prefork::Context& context) override {
    hall_ = std::make_unique<Hall>(context, std::make_unique<LineWording>());
    const Limits& limits = hall_->limits();
    desk_ = std::make_unique<UdpDesk>(
        hall_->room(), UdpDesk::Limits{limits.max_line, context.options().duration("udp-ttl"), limits.flood});
    co_await hall_->start();
  }

  Task<void> on_connection(prefork::Connection& connection) override {
    TcpPeer peer(connection, hall_->limits().max_line);
    co_await hall_->serve(peer);
  }

  void on_datagram(prefork::Datagram& packet) override { desk_->on_datagram(packet); }

  Task<void> stop() override {
    hall_->stop();
    return {};
  }

 private:
  std::unique_ptr<Hall> hall_;
  std::unique_ptr<UdpDesk> desk_;
};

}  // namespace chat

using chat::Chat;
PREFORK_SERVICE(Chat)
