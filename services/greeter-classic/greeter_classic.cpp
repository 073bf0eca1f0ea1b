#include <prefork/blocking_service.hpp>

#include <string>
#include <string_view>

/// The greeter in the classic pre-fork model: one client at a time per worker, plain blocking calls. To a client it
/// behaves exactly like the greeter.
class GreeterClassic final : public prefork::BlockingService {
 public:
  static void describe(prefork::Manifest& manifest) {
    manifest.summary("Greets by name, one client at a time per worker.");
  }

  void handle(prefork::Stream& peer) override {
    if (!peer.write("Welcome!")) return;
    while (auto chunk = peer.read_some()) {
      std::string_view name = *chunk;
      while (name.ends_with('\n') || name.ends_with('\r')) name.remove_suffix(1);
      if (name == "exit") return;
      if (!peer.write("Hello, " + std::string(name) + "!")) return;
    }
  }
};

PREFORK_SERVICE(GreeterClassic)
