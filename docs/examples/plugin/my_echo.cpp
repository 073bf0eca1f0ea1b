#include <prefork/service.hpp>

class MyEcho final : public prefork::Service {
  prefork::Task<void> on_connection(prefork::Connection& peer) override {
    while (auto bytes = co_await peer.read_some()) co_await peer.write(*bytes);
  }
  void on_datagram(prefork::Datagram& packet) override { packet.reply(packet.bytes()); }
};
PREFORK_SERVICE(MyEcho)
