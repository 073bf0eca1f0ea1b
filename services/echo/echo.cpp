#include <prefork/service.hpp>

/// Writes back what it receives: the bytes of a connection, the datagram of a sender.
class Echo final : public prefork::Service {
 public:
  static void describe(prefork::Manifest& manifest) { manifest.summary("Sends back what it receives."); }

  prefork::Task<void> on_connection(prefork::Connection& peer) override {
    while (auto bytes = co_await peer.read_some()) {
      if (!co_await peer.write(*bytes)) break;
    }
  }

  void on_datagram(prefork::Datagram& packet) override { packet.reply(packet.bytes()); }
};

PREFORK_SERVICE(Echo)
