#include <signal.h>

#include <prefork/http.hpp>
#include <string>

namespace {

namespace http = prefork::http;

/// Tells clients who they are, or what it is told to, on any path. A request for /crash kills its worker.
class Who final : public http::Service {
 public:
  static void describe(prefork::Manifest& manifest) {
    manifest.text("answer", "", "What is answered; empty: the client's address.");
    manifest.secret("key", "What GET /key is answered.");
  }
  prefork::Task<void> start(prefork::Context& context) override {
    answer_ = context.options().text("answer");
    key_ = context.options().text("key");
    return {};
  }

 private:
  void routes(http::Router& router) override {
    const auto tell = [this](http::Request& request) {
      return http::Response::text(answer_.empty() ? request.client_address() : answer_);
    };
    router.get("/crash", [](http::Request&) {
      ::raise(SIGSEGV);
      return http::Response();
    });
    router.get("/key", [this](http::Request&) { return http::Response::text(key_); });
    router.get("/{path...}", tell).post("/{path...}", tell);
  }

  std::string answer_;
  std::string key_;
};

}  // namespace

PREFORK_SERVICE(Who)
