#include <prefork/http.hpp>

namespace {

namespace http = prefork::http;

/// Tells clients who they are.
class Who final : public http::Service {
  void routes(http::Router& router) override {
    router.get("/", [](http::Request& request) { return http::Response::text(request.client_address()); });
  }
};

}  // namespace

PREFORK_SERVICE(Who)
