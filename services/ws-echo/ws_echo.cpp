#include <prefork/http.hpp>
#include <prefork/http/web_socket.hpp>

namespace {

namespace http = prefork::http;

prefork::Task<void> echo(http::WebSocket& socket) {
  while (auto message = co_await socket.receive()) {
    if (!co_await socket.send(message->text, message->data)) break;
  }
}

/// Sends back each message.
class WsEcho final : public http::Service {
 public:
  static void describe(prefork::Manifest& manifest) { manifest.summary("Sends back each WebSocket message."); }

  void routes(http::Router& router) override {
    router.get("/", [](http::Request& request) { return http::web_socket(request, echo); });
  }
};

}  // namespace

PREFORK_SERVICE(WsEcho)
