#pragma once

#include <charconv>
#include <chrono>
#include <string>

#include <prefork/http.hpp>
#include <prefork/http/web_socket.hpp>

/// The service that the tables of RFC 9112 address.
namespace prefork::http::test {

class Origin final : public Service {
 public:
  int echoed = 0;  ///< calls of the handlers below /echo

  static void describe(Manifest&) {}
  Task<void> start(Context& context) override {
    context_ = &context;
    return {};
  }
  void routes(Router& router) override {
    router.get("/probe", [](Request&) { return Response::text("probe"); });
    for (const Method method :
         {Method::get, Method::post, Method::put, Method::erase, Method::patch, Method::options}) {
      router.route(method, "/echo", [this](Request& request) {
        ++echoed;
        return Response::text(std::string(request.method_name()) + " " + std::string(request.body()));
      });
    }
    router.get("/path/{rest...}", [](Request& request) {
      return Response::text(std::string(request.path()) + " " + std::string(request.param("rest")));
    });
    router.get("/socket",
               [](Request& request) { return web_socket(request, [](WebSocket&) { return Task<void>(); }); });
    router.get("/host", [](Request& request) { return Response::text(std::string(request.host())); });
    router.get("/field", [](Request& request) { return Response::text("[" + value_of(request.header("X")) + "]"); });
    router.post("/trailer", [](Request& request) {
      return Response::text("header " + value_of(request.header("X")) + ", trailer " + value_of(request.trailer("X")));
    });
    bodies(router);
    answers(router);
  }

 private:
  static std::string value_of(std::optional<std::string_view> value) { return std::string(value.value_or("none")); }

  static Status status_of(Request& request) {
    unsigned number = 0;
    const std::string_view text = request.param("code");
    std::from_chars(text.data(), text.data() + text.size(), number);
    return static_cast<Status>(number);
  }

  void bodies(Router& router) {
    const RouteOptions streamed{BodyMode::streamed, std::nullopt};
    router.post(
        "/streamed",
        [](Request& request) -> Task<Response> {
          std::string body;
          while (auto piece = co_await request.read()) body.append(*piece);
          co_return Response::text("streamed " + body);
        },
        streamed);
    router.post(
        "/unread", [](Request&) { return Response::text("unread"); }, streamed);
  }

  void answers(Router& router) {
    const auto two_pieces = [](BodyWriter& out) -> Task<void> {
      co_await out.write("one ");
      co_await out.write("two");
    };
    router.get("/rows", [=](Request&) { return Response::stream(kTextPlain, two_pieces); });
    router.get("/status/{code}", [](Request& request) { return Response(status_of(request)); });
    router.get("/status/{code}/stream",
               [=](Request& request) { return Response::stream(kTextPlain, two_pieces, status_of(request)); });
    router.get("/set", [](Request& request) {
      return Response::text("set").set("X", request.query_param("value").value_or(""));
    });
    router.get("/slow", [this](Request&) -> Task<Response> {
      co_await context_->sleep_for(std::chrono::milliseconds(1));
      co_return Response::text("slow");
    });
    router.get("/bye", [](Request&) { return Response::text("bye").close(); });
  }

  Context* context_ = nullptr;
};

/// "METHOD TARGET HTTP/1.1", a Host field and `fields`, each with its CR LF, then `body`.
inline std::string request_to(const std::string& method_and_target, const std::string& fields = "",
                              const std::string& body = "") {
  return method_and_target + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body;
}

/// POST /echo with a chunked body.
inline std::string chunked_to(const std::string& target, const std::string& body) {
  return request_to("POST " + target, "Transfer-Encoding: chunked\r\n", body);
}

}  // namespace prefork::http::test
