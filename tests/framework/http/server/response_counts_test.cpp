// Goal: each response is counted once, by the class of its status, as soon as its head exists and however it was made;
// a request that was shed is counted as shed too.
#include <prefork/http.hpp>
#include <prefork/http/web_socket.hpp>

#include "framework/http/routing/endpoint.hpp"
#include "ipc/objects/metrics.hpp"
#include "tests/framework/http/routed.hpp"
#include "tests/framework/http/web_socket/client_frames.hpp"

namespace prefork::http {
namespace {

using namespace std::chrono_literals;
using Classes = std::array<std::uint64_t, ipc::ResponseCounts::kClasses>;
using worker::test::Harness;

class ResponseCountsTest : public testing::Test, public worker::test::ServedBy<test::Routed> {
 protected:
  explicit ResponseCountsTest(Harness::Options options = test::kOptions, std::chrono::milliseconds limit = 0ms)
      : ServedBy<test::Routed>({0ms, 5000ms, limit}, std::move(options)) {
    host.responses(&responses);
    service.fill = [this](Router& router) {
      router.get("/", [](Request&) { return Response::text("x"); });
      router.get("/status/{code}", [](Request& request) {
        return Response(static_cast<Status>(std::stoi(std::string(request.param("code")))));
      });
      router.get("/fails", [](Request&) -> Response { throw std::runtime_error("no"); });
      router.get("/refuses", [](Request&) -> Response { throw Error(Status::forbidden); });
      router.get("/waits", [this](Request&) -> Task<Response> {
        co_await host.sleep_for(5ms);
        co_return Response(Status::created);
      });
      router.get("/for-ever", [this](Request&) -> Task<Response> {
        co_await host.sleep_for(1h);
        co_return Response();
      });
      router.get("/stream", [this](Request&) {
        return Response::stream(kTextPlain, [this](BodyWriter& body) -> Task<void> {
          counted_before_end = responses.counts().by_class[1];
          co_await body.write("x");
        });
      });
      router.get("/parts", [](Request&) {
        return Response::text("").body(std::vector<BodyPart>{std::string("a"), std::string("b")});
      });
      router.get("/socket",
                 [](Request& request) { return web_socket(request, [](WebSocket&) -> Task<void> { co_return; }); });
      router.post("/", [](Request& request) { return Response::text(std::string(request.body())); });
      router.post("/reads",
                  [](Request& request) -> Task<Response> {
                    const auto piece = co_await request.read();
                    co_return Response::text(std::string(piece.value_or(std::string_view())));
                  },
                  {BodyMode::streamed, 4});
    };
  }

  /// One connection; the server, or the request itself, has it closed.
  void ask(const std::string& bytes) {
    ipc::UniqueFd client = open();
    send(client.get(), bytes);
    receive(client.get());
    hang_up(client);
  }
  /// Expects what has been counted since the last look.
  void expect(const Classes& counted, const std::string& after) {
    const ipc::ResponseCounts now = responses.counts();
    for (std::size_t i = 0; i < counted.size(); ++i) {
      EXPECT_EQ(now.by_class[i] - before_.by_class[i], counted[i]) << i + 1 << "xx after " << after;
    }
    before_ = now;
    std::uint64_t all = 0;
    for (const std::uint64_t count : now.by_class) all += count;
    EXPECT_EQ(all, counter(ipc::Counter::requests)) << after;
  }

  std::vector<char> memory = std::vector<char>(ipc::SharedCounter::bytes({}, 4) + 64);
  ipc::SharedResponses responses{aligned(memory), 4, {ipc::owner_of(0), nullptr}};
  std::uint64_t counted_before_end = 0;

 private:
  ipc::ResponseCounts before_;
  static void* aligned(std::vector<char>& bytes) {
    void* place = bytes.data();
    std::size_t space = bytes.size();
    return std::align(64, bytes.size() - 64, place, space);
  }
};

std::string get(const std::string& path, const std::string& fields = "Connection: close\r\n") {
  return "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}
std::string post(const std::string& path, const std::string& rest) {
  return "POST " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + rest;
}

TEST_F(ResponseCountsTest, EachOnceByItsClass) {
  const struct {
    std::string request;
    Classes counted;
  } rows[] = {
      {get("/"), {0, 1, 0, 0, 0}},
      {get("/", "") + get("/", "") + get("/none", "") + get("/"), {0, 3, 0, 1, 0}},  // of one batch
      {"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {0, 1, 0, 0, 0}},
      {"DELETE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {0, 0, 0, 1, 0}},
      {"BREW / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", {0, 0, 0, 0, 1}},
      {get("/status/304"), {0, 0, 1, 0, 0}},
      {get("/status/599"), {0, 0, 0, 0, 1}},
      {get("/status/600"), {0, 0, 0, 0, 1}},  // RFC 9110 15
      {get("/status/999"), {0, 0, 0, 0, 1}},
      {get("/status/103"), {0, 0, 0, 0, 1}},  // no answer: 500
      {get("/fails"), {0, 0, 0, 0, 1}},
      {get("/refuses"), {0, 0, 0, 1, 0}},
      {get("/waits"), {0, 1, 0, 0, 0}},
      {get("/stream"), {0, 1, 0, 0, 0}},
      {get("/parts"), {0, 1, 0, 0, 0}},
      {get("/socket"), {0, 0, 0, 1, 0}},
      {get("/socket",
           "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n") +
           test::close_frame(1000, ""),
       {1, 0, 0, 0, 0}},
      {post("/", "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx"), {0, 1, 0, 0, 0}},
      {post("/", "Content-Length: 99999999\r\n\r\n"), {0, 0, 0, 1, 0}},
      {post("/", "Transfer-Encoding: chunked\r\n\r\nx\r\n"), {0, 0, 0, 1, 0}},
      {post("/reads", "Content-Length: 2\r\n\r\nhi"), {0, 1, 0, 0, 0}},
      {post("/reads", "Content-Length: 5\r\n\r\nhello"), {0, 0, 0, 1, 0}},
      {"nonsense\r\n\r\n", {0, 0, 0, 1, 0}},
      {get("/%zz"), {0, 0, 0, 1, 0}},
  };
  for (const auto& row : rows) {
    ask(row.request);
    expect(row.counted, row.request);
  }
  EXPECT_EQ(responses.counts().shed, 0U);
}

TEST_F(ResponseCountsTest, AStreamCountsWhenItBegins) {
  ask(get("/stream"));
  EXPECT_EQ(counted_before_end, 1U);
}

struct OverdueTest : ResponseCountsTest {
  OverdueTest() : ResponseCountsTest(test::kOptions, 20ms) {}
};

TEST_F(OverdueTest, ACancelledRequestIsAnErrorOfTheServer) {
  ask(get("/for-ever"));
  expect({0, 0, 0, 0, 1}, "/for-ever");
}

struct HeadTimeoutTest : ResponseCountsTest {
  static Harness::Options impatient() {
    Harness::Options options = test::kOptions;
    options["header-timeout"] = "20";
    return options;
  }
  HeadTimeoutTest() : ResponseCountsTest(impatient()) {}
};

TEST_F(HeadTimeoutTest, ARequestThatNeverCameWholeIsAnErrorOfTheClient) {
  ask("GET / HTTP/1.1\r\n");
  expect({0, 0, 0, 1, 0}, "half a request");
}

TEST(ResponseCounts, WhatBelongsToNoServiceIsTheFirstOnes) {
  std::vector<std::uint64_t> memory(ipc::SharedCounter::bytes({}, 1) / sizeof(std::uint64_t));
  const ipc::SharedResponses first(memory.data(), 1, {ipc::owner_of(0), nullptr});
  const ipc::SharedResponses second = first;
  Endpoint endpoint;
  EXPECT_EQ(endpoint.responses(), nullptr);
  for (const auto* responses : {&first, &second}) {
    Records records;
    records.responses = responses;
    endpoint.mount(responses == &first ? "/a" : "/much/longer", Router(), {}, nullptr, records);
  }
  EXPECT_EQ(endpoint.responses(), &first);
  EXPECT_EQ(endpoint.find("/much/longer")->records.responses, &second);
}

}  // namespace
}  // namespace prefork::http
