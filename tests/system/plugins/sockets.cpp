#include <prefork/http.hpp>
#include <prefork/http/event_stream.hpp>
#include <prefork/http/web_socket.hpp>

#include <string>

namespace {

namespace http = prefork::http;
using namespace std::chrono_literals;

/// Answers each message with what it was, the connection's place and its length; "close" closes, "flood" sends much.
prefork::Task<void> talk(http::WebSocket& socket) {
  const std::string worker = std::to_string(socket.context().worker_index());
  while (auto message = co_await socket.receive()) {
    if (message->data == "close") {
      socket.close(4001, "as you wish");
    } else if (message->data == "flood") {
      const std::string piece(10'000, 'f');
      for (int i = 0; i < 1000; ++i) {
        if (!co_await socket.send_text(piece)) break;
      }
    } else if (message->data == "worker") {
      co_await socket.send_text(worker);
    } else {
      co_await socket.send(message->text, message->data);
    }
  }
  socket.context().log(prefork::LogLevel::notice, "socket closed with " + std::to_string(socket.close_code()));
}

/// Continues counting from where the client was, until it is told to stop.
prefork::Task<void> count(http::EventStream& stream) {
  bool over = false;
  stream.on_close([&over] { over = true; });
  int n = stream.last_event_id().empty() ? 0 : std::stoi(stream.last_event_id());
  while (!over) {
    const std::string number = std::to_string(++n);
    if (!co_await stream.send({.data = "number\n" + number, .event = "count", .id = number})) break;
    co_await stream.context().sleep_for(10ms);
  }
}

class Sockets final : public http::Service {
  void routes(http::Router& router) override {
    router.get("/talk", [](http::Request& request) {
      return http::web_socket(request, talk, {.max_message_bytes = 4 << 20, .subprotocols = {"talk.v1"}});
    });
    router.get("/count", [](http::Request& request) { return http::event_stream(request, count, {.retry = 100ms}); });
  }
};

}  // namespace

PREFORK_SERVICE(Sockets)
