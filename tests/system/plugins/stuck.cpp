#include <unistd.h>

#include <prefork/blocking_service.hpp>
#include <prefork/http.hpp>
#include <string>

namespace {

namespace http = prefork::http;
using std::chrono::milliseconds;

volatile bool forever = true;

void spin() {
  while (forever) {
  }
}

#ifdef BLOCKING

/// Answers lines until one asks it not to.
class Stuck final : public prefork::BlockingService {
 public:
  static void describe(prefork::Manifest& manifest) { manifest.summary("Gets stuck on demand."); }
  void handle(prefork::Stream& peer) override {
    while (const auto line = peer.read_line()) {
      if (*line == "loop") spin();
      if (!peer.write(std::to_string(::getpid()) + "\n")) return;
    }
  }
};

#else

/// Requests that end late or never, each in a way of its own.
class Stuck final : public http::Service {
  void routes(http::Router& router) override {
    router.get("/pid", [](http::Request&) { return http::Response::text(std::to_string(::getpid())); });
    router.get("/loop", [](http::Request&) {
      spin();
      return http::Response();
    });
    router.get("/sleep", [](http::Request&) {
      ::sleep(3600);
      return http::Response();
    });
    router.get("/late-loop", [](http::Request& request) -> prefork::Task<http::Response> {
      co_await request.context().sleep_for(milliseconds(1));
      spin();
      co_return http::Response();
    });
    router.get("/wait", [](http::Request& request) -> prefork::Task<http::Response> {
      co_await request.context().sleep_for(std::chrono::hours(1));
      co_return http::Response();
    });
    router.get("/slow", [](http::Request& request) -> prefork::Task<http::Response> {
      co_await request.context().sleep_for(milliseconds(200));
      co_return http::Response::text("late");
    });
    router.post("/body",
                [](http::Request& request) -> prefork::Task<http::Response> {
                  for (;;) {
                    const auto piece = co_await request.read();
                    if (!piece) break;
                  }
                  co_return http::Response();
                },
                {http::BodyMode::streamed, std::nullopt});
    router.get("/stream", [](http::Request&) {
      return http::Response::stream(http::MediaType("text/plain"), [](http::BodyWriter& body) -> prefork::Task<void> {
        co_await body.write("begun");
        co_await body.context().sleep_for(std::chrono::hours(1));
      });
    });
  }
};

#endif

}  // namespace

PREFORK_SERVICE(Stuck)
