// Goal: each request that a handler answered is in its service's histogram exactly once, however its answer was made.
#include <prefork/http.hpp>

#include "ipc/objects/metrics.hpp"
#include "tests/framework/http/routed.hpp"

namespace prefork::http {
namespace {

using namespace std::chrono_literals;

class RequestTimerTest : public testing::Test, public worker::test::ServedBy<test::Routed> {
 protected:
  RequestTimerTest() : ServedBy<test::Routed>({0ms, 5000ms}, test::kOptions) {
    host.request_times(&times);
    service.fill = [this](Router& router) {
      router.get("/plain", [](Request&) { return Response::text("x"); });
      router.get("/fails", [](Request&) -> Response { throw std::runtime_error("no"); });
      router.get("/waits", [this](Request&) -> Task<Response> {
        co_await host.sleep_for(5ms);
        co_return Response::text("x");
      });
      router.get("/stream", [this](Request&) {
        return Response::stream(kTextPlain, [this](BodyWriter& body) -> Task<void> {
          counted_before_end = times.count();
          co_await host.sleep_for(5ms);
          co_await body.write("x");
        });
      });
      router.get("/parts", [](Request&) {
        return Response::text("").body(std::vector<BodyPart>{std::string("a"), std::string("b")});
      });
      router.post("/reads",
                  [](Request& request) -> Task<Response> {
                    const auto piece = co_await request.read();
                    co_return Response::text(std::string(piece.value_or(std::string_view())));
                  },
                  {BodyMode::streamed, std::nullopt});
    };
  }

  void ask(const std::string& requests, std::uint64_t expected) {
    ipc::UniqueFd client = open();
    send(client.get(), requests + "GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    receive(client.get());
    hang_up(client);
    EXPECT_EQ(times.count(), expected) << requests;
  }

  std::vector<char> memory = std::vector<char>(ipc::SharedHistogram::bytes({}, 4) + 64);
  ipc::SharedHistogram times{aligned(memory), {}, 4, {ipc::owner_of(0), nullptr}};
  std::uint64_t counted_before_end = 0;

 private:
  static void* aligned(std::vector<char>& bytes) {
    void* place = bytes.data();
    std::size_t space = bytes.size();
    return std::align(64, bytes.size() - 64, place, space);
  }
};

std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"; }

TEST_F(RequestTimerTest, CountsEachOnce) {
  ask("", 0);
  ask(get("/plain"), 1);
  ask(get("/plain") + get("/plain") + get("/plain"), 4);
  ask(get("/fails"), 5);
  ask(get("/parts"), 6);
  ask("HEAD /parts HTTP/1.1\r\nHost: a\r\n\r\n", 7);
  ask("POST /reads HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", 8);
  const std::uint64_t before = times.sum();
  ask(get("/waits"), 9);
  EXPECT_GE(times.sum() - before, 5'000'000U);
}

TEST_F(RequestTimerTest, AStreamCountsWhenItBegins) {
  ask(get("/stream"), 1);
  EXPECT_EQ(counted_before_end, 1U);
}

}  // namespace
}  // namespace prefork::http
