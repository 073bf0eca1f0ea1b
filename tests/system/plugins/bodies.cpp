#include <prefork/http.hpp>

#include <string>

namespace {

namespace http = prefork::http;

/// Tells how long a request's body is.
class Bodies final : public http::Service {
  void routes(http::Router& router) override {
    router.post("/", [](http::Request& request) {
      return http::Response::text(std::to_string(request.body().size()) + " bytes\n");
    });
    router.get("/slow", [this](http::Request& request) -> prefork::Task<http::Response> {
      co_await request.context().sleep_for(std::chrono::milliseconds(300));
      co_return http::Response::text("late\n");
    });
  }
};

}  // namespace

PREFORK_SERVICE(Bodies)
