#include <prefork/http.hpp>

namespace {

namespace http = prefork::http;

/// Tells clients who they are, on whatever path.
class Who final : public http::Service {
  void routes(http::Router& router) override {
    const auto tell = [](http::Request& request) { return http::Response::text(request.client_address()); };
    router.get("/{path...}", tell).post("/{path...}", tell);
  }
};

}  // namespace

PREFORK_SERVICE(Who)
