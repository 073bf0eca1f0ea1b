#include <prefork/http.hpp>

namespace {

namespace http = prefork::http;

/// The smallest HTTP service: a fixed text, and a greeting by name.
class Hello final : public http::Service {
 public:
  static void describe(prefork::Manifest& manifest) {
    manifest.summary("Greets the world, or you by name, over HTTP.");
  }

  void routes(http::Router& router) override {
    router.get("/", [](http::Request&) {
      return http::Response::text(http::StaticText("Hello, World!")).content_type(http::MediaType("text/plain"));
    });
    router.get("/{name}", [](http::Request& request) {
      return http::Response::text("Hello, " + http::escape_html(request.param("name")) + "!");
    });
  }
};

}  // namespace

PREFORK_SERVICE(Hello)
