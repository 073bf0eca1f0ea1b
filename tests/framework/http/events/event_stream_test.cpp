// Goal: an event stream works over a real socket and a worker's event loop: events arrive as they are sent, heartbeats
// only between them and only in silence, and the stream ends when the client or the server wants it.
#include <prefork/http.hpp>
#include <prefork/http/event_stream.hpp>

#include "framework/worker/net/stream_connection.hpp"
#include "tests/framework/http/routed.hpp"
#include "tests/framework/worker/harness.hpp"

namespace prefork::http {
namespace {

using namespace std::chrono_literals;
using test::kOptions;
using worker::test::Harness;

/// A service with one stream at /feed.
struct OneStream final : Service {
  EventFunction function;
  EventStreamOptions options{.heartbeat = kForever};
  Context* context = nullptr;
  std::chrono::milliseconds delay{0};  ///< of the handler
  void routes(Router& router) override {
    router.get("/feed", [this](Request& request) -> Task<Response> {
      if (delay > 0ms) co_await context->sleep_for(delay);
      co_return event_stream(request, function, options);
    });
  }
};

class EventStreamTest : public testing::Test, public worker::test::ServedBy<OneStream> {
 protected:
  EventStreamTest() : ServedBy<OneStream>({0ms, 5000ms}, kOptions) { service.context = &host; }

  /// A client of HTTP/1.0, which gets the stream without chunks.
  ipc::UniqueFd ask(std::string_view field = {}) {
    ipc::UniqueFd client = open(worker::test::tcp_pair());
    send(client.get(), std::string("GET /feed HTTP/1.0\r\nHost: a\r\n").append(field).append("\r\n"));
    head = receive_until(client, "\r\n\r\n");
    return client;
  }
  std::string receive_until(const ipc::UniqueFd& client, std::string_view end) {
    std::string all;
    while (!all.ends_with(end) && !HasFailure()) {
      all += receive(client.get(), 1);
      if (ended) break;
    }
    return all;
  }
  std::string head;
};

TEST_F(EventStreamTest, SendsEvents) {
  service.options.retry = 2500ms;
  service.function = [](EventStream& stream) -> Task<void> {
    EXPECT_TRUE(stream.open());
    EXPECT_EQ(stream.last_event_id(), "41");
    EXPECT_EQ(stream.context().pool(), "main");
    EXPECT_TRUE(co_await stream.send({.data = "one\ntwo", .event = "tick", .id = "42"}));
    EXPECT_TRUE(co_await stream.send_comment("hm"));
    std::string gone = "copied at once";
    Task<bool> later = stream.send({.data = gone});
    gone = "xxxxxxxxxxxxxx";
    EXPECT_TRUE(co_await later);
  };
  const ipc::UniqueFd client = ask("Last-Event-ID: 41\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 200 OK\r\n")) << head;
  EXPECT_NE(head.find("Content-Type: text/event-stream\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("Cache-Control: no-store\r\n"), std::string::npos) << head;
  EXPECT_NE(head.find("X-Accel-Buffering: no\r\n"), std::string::npos) << head;
  EXPECT_EQ(receive(client.get()),
            "retry: 2500\n\nevent: tick\nid: 42\ndata: one\ndata: two\n\n: hm\ndata: copied at once\n\n");
}

TEST_F(EventStreamTest, SendsThemInChunks) {
  service.function = [](EventStream& stream) -> Task<void> { co_await stream.send({.data = "x"}); };
  const ipc::UniqueFd client = open(worker::test::tcp_pair());
  send(client.get(), "GET /feed HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string answer = receive(client.get());
  EXPECT_TRUE(answer.ends_with("\r\n\r\n9\r\ndata: x\n\n\r\n0\r\n\r\n")) << answer;
}

TEST_F(EventStreamTest, AnswersHeadWithoutTheStream) {
  service.function = [](EventStream&) -> Task<void> {
    ADD_FAILURE() << "called";
    co_return;
  };
  const ipc::UniqueFd client = open(worker::test::tcp_pair());
  send(client.get(), "HEAD /feed HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(receive(client.get()).find("text/event-stream"), std::string::npos);
}

TEST_F(EventStreamTest, RefusesEventsThatAreNone) {
  service.function = [](EventStream& stream) -> Task<void> {
    EXPECT_THROW(static_cast<void>(stream.send({.data = "x", .id = "1\n2"})), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(stream.send({.data = "x", .event = "a\r"})), std::invalid_argument);
    co_await stream.send({.data = "fine"});
  };
  const ipc::UniqueFd client = ask();
  EXPECT_EQ(receive(client.get()), "data: fine\n\n");
}

TEST_F(EventStreamTest, SendsHeartbeatsInSilence) {
  service.options.heartbeat = 2ms;
  bool over = false;
  service.function = [&over](EventStream& stream) -> Task<void> {
    while (!over) co_await stream.context().sleep_for(1ms);
    co_await stream.send({.data = "end"});
  };
  const ipc::UniqueFd client = ask();
  EXPECT_EQ(receive(client.get(), 9), ":\n\n:\n\n:\n\n");
  over = true;
  const std::string rest = receive(client.get());
  const std::size_t event = rest.find("data");
  ASSERT_NE(event, std::string::npos) << rest;
  EXPECT_EQ(rest.substr(event), "data: end\n\n");
  EXPECT_EQ(rest.substr(0, event).find_first_not_of(":\n"), std::string::npos) << rest;
  EXPECT_TRUE(turn_until([&] { return quiet(); }));
}

TEST_F(EventStreamTest, SendsNoHeartbeatsBesideEvents) {
  service.options.heartbeat = 1s;
  service.function = [](EventStream& stream) -> Task<void> {
    for (int i = 0; i < 30; ++i) {
      co_await stream.context().sleep_for(1ms);
      co_await stream.send({.data = "x"});
    }
  };
  const ipc::UniqueFd client = ask();
  std::string expected;
  for (int i = 0; i < 30; ++i) expected += "data: x\n\n";
  EXPECT_EQ(receive(client.get()), expected);
}

// The client takes nothing: heartbeats and events meet where neither can be sent at once.
TEST_F(EventStreamTest, NeverCutsAnEventByAHeartbeat) {
  service.options.heartbeat = 1ms;
  const std::string large(2 << 20, 'x');
  int sent = 0;
  service.function = [&](EventStream& stream) -> Task<void> {
    for (int i = 0; i < 4; ++i) {
      co_await stream.context().sleep_for(3ms);
      EXPECT_TRUE(co_await stream.send({.data = large}));
      ++sent;
    }
  };
  const ipc::UniqueFd client = ask();
  for (int i = 0; i < 20; ++i) turn();
  EXPECT_LT(sent, 4);
  std::string all = receive(client.get());
  const std::string event = "data: " + large + "\n\n";
  int events = 0;
  for (std::size_t at = 0; at < all.size();) {
    const bool beat = all.compare(at, 3, ":\n\n") == 0;
    if (!beat) {
      ASSERT_TRUE(all.compare(at, event.size(), event) == 0) << at;
      ++events;
    }
    at += beat ? 3 : event.size();
  }
  EXPECT_EQ(events, 4);
}

// Only the heartbeat finds out that nobody is there.
TEST_F(EventStreamTest, NoticesAClientThatIsGone) {
  service.options.heartbeat = 1ms;
  bool told = false;
  service.function = [&told](EventStream& stream) -> Task<void> {
    stream.on_close([&told] { told = true; });
    while (!told) co_await stream.context().sleep_for(1ms);
    EXPECT_FALSE(co_await stream.send({.data = "x"}));
    EXPECT_FALSE(stream.open());
  };
  ipc::UniqueFd client = ask();
  const linger reset{1, 0};
  ASSERT_EQ(::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
  hang_up(client);
  EXPECT_TRUE(told);
}

// No heartbeat, no send: the close alone is enough, even if it came before the stream had begun.
TEST_F(EventStreamTest, IsNotOpenAsSoonAsTheClientHasGone) {
  for (const bool before : {false, true}) {
    SCOPED_TRACE(before);
    service.options.heartbeat = kForever;
    service.delay = before ? 20ms : 0ms;
    bool is_over = false;
    service.function = [&is_over](EventStream& stream) -> Task<void> {
      while (stream.open()) co_await stream.context().sleep_for(1ms);
      EXPECT_FALSE(co_await stream.send({.data = "x"}));
      is_over = true;
    };
    ipc::UniqueFd client = open(worker::test::tcp_pair());
    send(client.get(), "GET /feed HTTP/1.1\r\nHost: a\r\n\r\n");
    if (!before) receive_until(client, "\r\n\r\n");
    hang_up(client);
    EXPECT_TRUE(is_over);
  }
}

TEST_F(EventStreamTest, EndsWhereTheServerStops) {
  bool told = false;
  service.function = [&told](EventStream& stream) -> Task<void> {
    stream.on_close([&told] { told = true; });
    while (!told) co_await stream.context().sleep_for(1ms);
    EXPECT_TRUE(co_await stream.send({.data = "bye"}));
  };
  const ipc::UniqueFd client = ask();
  drain(worker::DrainMode::patient);
  EXPECT_EQ(receive(client.get()), "data: bye\n\n");
}

TEST_F(EventStreamTest, BreaksOffAfterAnException) {
  service.options.heartbeat = 1ms;
  service.function = [](EventStream& stream) -> Task<void> {
    co_await stream.send({.data = "x"});
    throw std::runtime_error("no more news");
  };
  const ipc::UniqueFd client = open(worker::test::tcp_pair());
  send(client.get(), "GET /feed HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string answer = receive(client.get());
  EXPECT_TRUE(answer.ends_with("data: x\n\n\r\n")) << "no last chunk: " << answer;
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_NE(log.lines[0].find("no more news"), std::string::npos);
}

}  // namespace
}  // namespace prefork::http
