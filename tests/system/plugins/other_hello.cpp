#include <prefork/http.hpp>

namespace {

namespace http = prefork::http;

/// The service hello in another release.
class OtherHello final : public http::Service {
  void routes(http::Router& router) override {
    router.get("/", [](http::Request&) { return http::Response::text("Hello, other World!"); });
  }
};

}  // namespace

PREFORK_SERVICE(OtherHello)
