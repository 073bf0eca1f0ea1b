#include <prefork/service.hpp>

#include <string>
#include <string_view>

/// Welcomes each client and greets each name that is sent; `exit` ends the connection. A name is a chunk as it is
/// received, without trailing line ends.
class Greeter final : public prefork::Service {
 public:
  static void describe(prefork::Manifest& manifest) { manifest.summary("Greets by name: NAME -> Hello, NAME!"); }

  prefork::Task<void> on_connection(prefork::Connection& peer) override {
    if (!co_await peer.write("Welcome!")) co_return;
    while (auto chunk = co_await peer.read_some()) {
      const std::string_view name = without_line_end(*chunk);
      if (name == "exit") co_return;
      if (!co_await peer.write("Hello, " + std::string(name) + "!")) co_return;
    }
  }

  void on_datagram(prefork::Datagram& packet) override {
    const std::string_view name = without_line_end(packet.bytes());
    // Two greeters that a forged sender address sets on each other would greet for ever.
    if (name.starts_with("Hello, ")) return;
    packet.reply("Hello, " + std::string(name) + "!");
  }

 private:
  static std::string_view without_line_end(std::string_view bytes) {
    while (bytes.ends_with('\n') || bytes.ends_with('\r')) bytes.remove_suffix(1);
    return bytes;
  }
};

PREFORK_SERVICE(Greeter)
