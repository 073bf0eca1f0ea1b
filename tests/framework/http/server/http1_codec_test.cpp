#include "framework/http/server/http1_codec.hpp"

#include <gtest/gtest.h>

#include <coroutine>
#include <stdexcept>

#include "tests/framework/http/wire/messages.hpp"

namespace prefork::http::test {
namespace {

/// Lets a test suspend handlers and wake them.
struct Gate {
  std::vector<std::coroutine_handle<>> waiting;
  struct Awaiter {
    Gate& gate;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) { gate.waiting.push_back(self); }
    void await_resume() const noexcept {}
  };
  Awaiter wait() { return {*this}; }
  void open() {
    for (auto handle : std::exchange(waiting, {})) handle.resume();
  }
};

class Http1CodecTest : public testing::Test {
 protected:
  Http1CodecTest() {
    Router router;
    router.get("/", [](Request&) { return Response::text("root"); });
    router.get("/{name}",
               [](Request& request) { return Response::text("<" + std::string(request.param("name")) + ">"); });
    router.post("/echo", [](Request& request) { return Response::text(std::string(request.body())); });
    router.post("/close", [](Request&) { return Response::text("bye").close(); });
    router.get("/throw", [](Request&) -> Response { throw std::runtime_error("no"); });
    router.get("/interim", [](Request&) { return Response(Status::continue_); });
    router.get("/co/inline", [](Request&) -> Task<Response> { co_return Response::text("inline"); });
    router.get("/co/throw", [](Request&) -> Task<Response> {
      throw std::runtime_error("no");
      co_return Response();
    });
    router.post("/co/wait", [this](Request& request) -> Task<Response> {
      co_await gate.wait();
      co_return Response::text(std::string(request.header("X").value_or("-")) + std::string(request.body()));
    });
    router.get("/big", [](Request&) { return Response::text(std::string(200'000, 'x')); });
    HttpOptions limits;
    limits.limits.body_bytes = 100;
    endpoint.mount("/", std::move(router), limits, nullptr);
    limits.limits.body_bytes = 200;
    endpoint.mount("/wide", Router(), limits, nullptr);
    codec.emplace(endpoint, exchanges);
  }

  /// As a connection does: appends to its input, runs, drops what is done with.
  Progress feed(const std::string& bytes) {
    input += bytes;
    return settle(codec->run(state, input, output, 0, ClientSource{}));
  }
  Progress settle(Progress progress) {
    input.erase(input.size() - progress.dropped);
    if (progress.next != Next::suspend) input.erase(0, progress.consumed);
    return progress;
  }
  /// Appends the answer of a handler that has waited.
  Next finish(Http1State& of, Exchange& exchange) {
    Http1Text text(*codec, of, output, 0);
    EXPECT_EQ(exchange.finish(text), Exchange::Step::done);
    return of.message.keep_alive ? Next::read : Next::close;
  }
  /// The bodies of the responses so far, each in brackets behind its status; empties the output.
  std::string responses() {
    std::string text;
    for (std::size_t at = 0; at < output.size();) {
      const std::size_t end = output.find("\r\n\r\n", at) + 4;
      const std::size_t length = output.find("Content-Length: ", at);
      const std::size_t body = length < end ? std::stoul(output.substr(length + 16)) : 0;
      text += output.substr(at + 9, 3) + "[" + output.substr(end, body) + "]";
      at = end + body;
    }
    output.clear();
    return text;
  }

  Gate gate;
  Endpoint endpoint;
  Exchanges exchanges{endpoint};
  std::optional<Http1Codec> codec;
  Http1State state;
  std::string input, output;
};

std::string get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n"; }
std::string post(const std::string& path, const std::string& body, const std::string& fields = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\n" + fields + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}
std::string chunked(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}

TEST_F(Http1CodecTest, AnswersOne) {
  const Progress progress = feed(get("/"));
  EXPECT_EQ(progress.next, Next::read);
  EXPECT_EQ(input, "");
  EXPECT_EQ(responses(), "200[root]");
  EXPECT_EQ(exchanges.served(), 1U);
}

TEST_F(Http1CodecTest, AnswersPipelinedRequestsInOrder) {
  feed(get("/a") + post("/echo", "body") + chunked("/echo", "2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n") + get("/b") + get("/c"));
  EXPECT_EQ(responses(), "200[<a>]200[body]200[body]200[<b>]200[<c>]");
  EXPECT_EQ(input, "");
}

TEST_F(Http1CodecTest, DoesNotDependOnHowTheBytesAreCut) {
  const std::string all = get("/a") + post("/echo", "body") + "\r\n" +
                          chunked("/echo", "2;x\r\nbo\r\n2\r\ndy\r\n0\r\nA: b\r\n\r\n") + get("/%41") +
                          get("/co/inline") + "BAD\r\n";
  const std::string expected =
      "200[<a>]200[body]200[body]200[<A>]200[inline]400[The request line does not begin with a method and one "
      "space.\n]";
  for (std::size_t step = 1; step <= all.size(); ++step) {
    state = Http1State{};
    input.clear();
    for (std::size_t at = 0; at < all.size(); at += step) feed(all.substr(at, step));
    ASSERT_EQ(responses(), expected) << step;
  }
}

TEST_F(Http1CodecTest, SaysHowMuchAMessageWants) {
  const std::string message = post("/echo", std::string(50, 'x'));
  EXPECT_EQ(feed(message.substr(0, message.size() - 50)).wanted, message.size());
  EXPECT_EQ(feed("x").wanted, message.size());
  EXPECT_TRUE(state.in_body());
  feed(std::string(49, 'x'));
  EXPECT_FALSE(state.in_body());
  EXPECT_EQ(responses(), "200[" + std::string(50, 'x') + "]");
}

TEST_F(Http1CodecTest, AChunkedBodyDoesNotPileUp) {
  feed(chunked("/echo", ""));
  const std::size_t head = input.size();
  for (int i = 0; i < 100; ++i) feed("1;extension=" + std::string(100, 'e') + "\r\nx\r\n");
  EXPECT_LE(input.size(), head + 100 + 4);
  feed("0\r\n\r\n");
  EXPECT_EQ(responses(), "200[" + std::string(100, 'x') + "]");
}

// RFC 9110 10.1.1
TEST_F(Http1CodecTest, SendsContinueOnce) {
  const std::string message = post("/echo", "body", "Expect: 100-continue\r\n");
  feed(message.substr(0, message.size() - 4));
  EXPECT_EQ(output, "HTTP/1.1 100 Continue\r\n\r\n");
  output.clear();
  feed("bo");
  EXPECT_EQ(output, "");
  feed("dy");
  EXPECT_EQ(responses(), "200[body]");
  feed(message);
  EXPECT_EQ(responses(), "200[body]");
}

TEST_F(Http1CodecTest, DoesNotAskForABodyThatNobodyWants) {
  const std::string message = post("/none/such", "body", "Expect: 100-continue\r\n");
  const Progress progress = feed(message.substr(0, message.size() - 4));
  EXPECT_EQ(progress.next, Next::close);
  EXPECT_NE(output.find("Connection: close"), std::string::npos);
  EXPECT_EQ(responses(), "404[404 Not Found\n]");
}

TEST_F(Http1CodecTest, LimitsBodiesByMount) {
  EXPECT_EQ(feed(post("/echo", std::string(100, 'x'))).next, Next::read);
  EXPECT_EQ(responses().substr(0, 3), "200");
  const std::string long_body(101, 'x');
  for (const std::string& message : {post("/echo", long_body), post("/echo", long_body).substr(0, 90),
                                     chunked("/echo", "65\r\n" + long_body + "\r\n0\r\n\r\n")}) {
    state = Http1State{};
    input.clear();
    EXPECT_EQ(feed(message).next, Next::close);
    EXPECT_EQ(responses().substr(0, 3), "413");
  }
  state = Http1State{};
  input.clear();
  EXPECT_EQ(feed(post("/wide/x", long_body)).next, Next::read);
  EXPECT_EQ(responses().substr(0, 3), "404");
}

TEST_F(Http1CodecTest, ClosesWhereAsked) {
  EXPECT_EQ(feed("GET / HTTP/1.0\r\n\r\n").next, Next::close);
  EXPECT_EQ(responses(), "200[root]");
  EXPECT_EQ(feed("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").next, Next::read);
  EXPECT_NE(output.find("Connection: keep-alive"), std::string::npos);
  output.clear();
  EXPECT_EQ(feed(post("/close", "")).next, Next::close);
  EXPECT_EQ(responses(), "200[bye]");
  EXPECT_EQ(feed("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + get("/a")).next, Next::close);
  EXPECT_EQ(responses(), "200[root]");
  input.clear();
  codec->drain();
  EXPECT_EQ(feed(get("/")).next, Next::close);
}

TEST_F(Http1CodecTest, HeadHasNoBody) {
  feed("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(output.find("Content-Length: 4\r\n"), std::string::npos);
  EXPECT_TRUE(output.ends_with("\r\n\r\n"));
}

TEST_F(Http1CodecTest, AnswersFailuresWith500AndGoesOn) {
  feed(get("/throw") + get("/interim") + get("/co/throw") + get("/a"));
  EXPECT_EQ(responses(),
            "500[500 Internal Server Error\n]500[500 Internal Server Error\n]500[500 Internal Server Error\n]200[<a>]");
}

TEST_F(Http1CodecTest, StopsToWriteWhenMuchIsToBeSent) {
  const Progress progress = feed(get("/big") + get("/big") + get("/big"));
  EXPECT_EQ(progress.next, Next::write);
  EXPECT_EQ(input, get("/big"));
  output.clear();
  EXPECT_EQ(feed("").next, Next::read);
  EXPECT_EQ(input, "");
}

TEST_F(Http1CodecTest, SuspendsAndGoesOn) {
  bool done = false;
  Progress progress = feed(get("/a") + post("/co/wait", "body", "X: y\r\n") + get("/b"));
  ASSERT_EQ(progress.next, Next::suspend);
  EXPECT_EQ(responses(), "200[<a>]");
  progress.exchange->notify([](void* flag) { *static_cast<bool*>(flag) = true; }, &done);
  // Another connection of the worker is served meanwhile.
  Http1State other;
  std::string other_input = post("/echo", "other", "X: z\r\nY: 1\r\nZ: 2\r\n"), other_output;
  EXPECT_EQ(codec->run(other, other_input, other_output, 0, ClientSource{}).next, Next::read);
  EXPECT_FALSE(done);
  gate.open();
  EXPECT_TRUE(done);
  input.erase(0, progress.consumed);
  EXPECT_EQ(finish(state, *progress.exchange), Next::read);
  input.erase(0, state.message.bytes);
  EXPECT_EQ(responses(), "200[ybody]");
  feed("");
  EXPECT_EQ(responses(), "200[<b>]");
}

TEST_F(Http1CodecTest, ASuspendedCallMayBeDestroyed) {
  Progress progress = feed(post("/co/wait", "body"));
  ASSERT_EQ(progress.next, Next::suspend);
  progress.exchange.reset();
  gate.waiting.clear();
}

TEST_F(Http1CodecTest, ManyMayWaitAtOnce) {
  struct Client {
    Http1State state;
    std::string input;
    Progress progress;
  };
  std::vector<Client> clients(100);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i].input = post("/co/wait", "b" + std::to_string(i), "X: " + std::to_string(i) + "\r\n");
    clients[i].progress = codec->run(clients[i].state, clients[i].input, output, 0, ClientSource{});
    ASSERT_EQ(clients[i].progress.next, Next::suspend);
  }
  gate.open();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    finish(clients[i].state, *clients[i].progress.exchange);
    EXPECT_EQ(responses(), "200[" + std::to_string(i) + "b" + std::to_string(i) + "]");
  }
}

TEST_F(Http1CodecTest, AnswersATimeout) {
  codec->append_timeout(output, 0, {}, {});
  EXPECT_NE(output.find("Connection: close"), std::string::npos);
  EXPECT_EQ(responses(), "408[408 Request Timeout\n]");
}

}  // namespace
}  // namespace prefork::http::test
