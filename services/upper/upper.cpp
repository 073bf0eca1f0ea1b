#include <prefork/service.hpp>

#include <string>

/// Answers in upper case. ASCII letters only: bytes of other characters pass unchanged.
class Upper final : public prefork::Service {
 public:
  static void describe(prefork::Manifest& manifest) { manifest.summary("Sends back what it receives, in upper case."); }

  prefork::Task<void> on_connection(prefork::Connection& peer) override {
    while (auto bytes = co_await peer.read_some()) {
      if (!co_await peer.write(to_upper(*bytes))) break;
    }
  }

  void on_datagram(prefork::Datagram& packet) override { packet.reply(to_upper(packet.bytes())); }

 private:
  static std::string to_upper(std::string_view bytes) {
    std::string upper(bytes);
    for (char& c : upper) {
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    return upper;
  }
};

PREFORK_SERVICE(Upper)
