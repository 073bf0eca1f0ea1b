#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "services/chat/hall.hpp"
#include "services/chat/json_wording.hpp"
#include "services/chat/page.hpp"
#include "services/chat/web_peer.hpp"

#include <prefork/http.hpp>
#include <prefork/http/web_socket.hpp>

namespace chat {

namespace http = prefork::http;
using prefork::Task;

std::vector<std::string> words(const std::string& line) {
  std::istringstream stream(line);
  return {std::istream_iterator<std::string>(stream), {}};
}

/// The chat room for browsers: a page, and the WebSocket that it talks over.
class ChatWeb final : public http::Service {
 public:
  static void describe(prefork::Manifest& manifest) {
    manifest.summary("The chat room in the browser, over WebSocket.");
    Hall::describe(manifest);
    manifest.text("origins", "",
                  "Other origins whose pages may connect, such as https://example.org, with blanks between; *: all.",
                  [](const std::string& list) { http::check({.origins = words(list)}); });
  }

  Task<void> start(prefork::Context& context) override {
    hall_ = std::make_unique<Hall>(context, std::make_unique<JsonWording>());
    options_.max_message_bytes = hall_->limits().max_line;
    options_.origins = words(context.options().text("origins"));
    co_await hall_->start();
  }

  void routes(http::Router& router) override {
    router.get("/", give_page);
    router.get("/ws", [this](http::Request& request) {
      return http::web_socket(
          request, [this](http::WebSocket& socket) { return serve(socket); }, options_);
    });
  }

  Task<void> stop() override {
    hall_->stop();
    return {};
  }

 private:
  static http::Response give_page(http::Request& request) {
    const bool known =
        request.header("If-None-Match").value_or(std::string_view()).find(page::kTag) != std::string::npos;
    http::Response response = known ? http::Response(http::Status::not_modified)
                                    : http::Response::html(http::StaticText::unowned(page::kHtml));
    response.set("Content-Security-Policy", page::kPolicy)
        .set("X-Content-Type-Options", "nosniff")
        .set("Referrer-Policy", "no-referrer")
        .set("Cache-Control", "no-cache")
        .set("ETag", page::kTag);
    return response;
  }

  Task<void> serve(http::WebSocket& socket) {
    WebPeer peer(socket);
    peer.close(co_await hall_->serve(peer));
  }

  std::unique_ptr<Hall> hall_;
  http::WebSocketOptions options_;
};

}  // namespace chat

using chat::ChatWeb;
PREFORK_SERVICE(ChatWeb)
