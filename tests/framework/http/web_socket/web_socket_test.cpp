// Goal: a WebSocket session works over a real socket and a worker's event loop: messages both ways with back-pressure,
// pings and deadlines, a close from either side, and clients that leave in the middle.
#include <prefork/http.hpp>
#include <prefork/http/web_socket.hpp>

#include "framework/worker/net/stream_connection.hpp"
#include "tests/framework/http/routed.hpp"
#include "tests/framework/http/web_socket/client_frames.hpp"
#include "tests/framework/worker/harness.hpp"

namespace prefork::http {
namespace {

using namespace std::chrono_literals;
using test::answer;
using test::close_payload;
using test::kOptions;
using worker::test::Harness;

const std::string kHandshake =
    "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: b, a\r\n\r\n";

/// A service with one WebSocket at /chat.
struct OneSocket final : Service {
  WebSocketSession session;
  WebSocketOptions options;
  void routes(Router& router) override {
    router.get("/chat", [this](Request& request) { return web_socket(request, session, options); });
  }
};

Task<void> echo(WebSocket& socket) {
  while (auto message = co_await socket.receive()) {
    if (message->text) {
      co_await socket.send_text(message->data);
    } else {
      co_await socket.send_binary(message->data);
    }
  }
}

class WebSocketTest : public testing::Test, public worker::test::ServedBy<OneSocket> {
 protected:
  explicit WebSocketTest(worker::ServiceLimits limits = {0ms, 5000ms}) : ServedBy<OneSocket>(limits, kOptions) {
    service.session = echo;
    service.options.ping_interval = kForever;
  }

  /// A client whose handshake is done; `first` is sent with it.
  ipc::UniqueFd connect(std::string_view first = {}, worker::test::Connected ends = worker::test::tcp_pair()) {
    ipc::UniqueFd client = open(std::move(ends));
    send(client.get(), std::string(kHandshake).append(first));
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos && !testing::Test::HasFailure()) head += receive(client.get(), 1);
    EXPECT_TRUE(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << head;
    return client;
  }
  std::string receive_frame(const ipc::UniqueFd& client, unsigned opcode, std::string_view payload) {
    const std::string expected = answer(opcode, payload);
    const std::string got = receive(client.get(), expected.size());
    EXPECT_TRUE(got == expected) << got.substr(0, 200);
    return got;
  }
  void expect_text(const ipc::UniqueFd& client, std::string_view payload) { receive_frame(client, 1, payload); }
  void expect_close(const ipc::UniqueFd& client, unsigned code, std::string_view reason = {}) {
    receive_frame(client, 8, close_payload(code, reason));
  }
  void expect_end(const ipc::UniqueFd& client) {
    EXPECT_EQ(receive(client.get()), "");
    EXPECT_TRUE(ended);
    EXPECT_EQ(broken, 0);
  }
};

TEST_F(WebSocketTest, EchoesMessages) {
  const ipc::UniqueFd client = connect();
  send(client.get(), test::text("Hello"));
  expect_text(client, "Hello");
  send(client.get(), test::binary("\xff\xfe"));
  receive_frame(client, 2, "\xff\xfe");
  send(client.get(), test::part(1, "He", false) + test::ping("?") + test::part(0, "llo", true));
  receive_frame(client, 10, "?");
  expect_text(client, "Hello");
  send(client.get(), test::close_frame(1000, "bye"));
  expect_close(client, 1000);
  expect_end(client);
  EXPECT_TRUE(turn_until([&] { return quiet(); }));
  EXPECT_TRUE(log.lines.empty());
}

TEST_F(WebSocketTest, ReadsWhatCameWithTheHandshake) {
  std::string many;
  for (int i = 0; i < 3000; ++i) many += test::text(std::to_string(i));
  ipc::UniqueFd client = connect(test::text("early") + many);
  expect_text(client, "early");
  for (int i = 0; i < 3000; ++i) expect_text(client, std::to_string(i));
  hang_up(client);
}

TEST_F(WebSocketTest, TellsTheSessionOfItsConnection) {
  service.options.subprotocols = {"a", "b"};
  service.session = [](WebSocket& socket) -> Task<void> {
    EXPECT_TRUE(socket.open());
    EXPECT_EQ(socket.close_code(), 0);
    EXPECT_EQ(socket.subprotocol(), "b");
    EXPECT_TRUE(socket.client_address().starts_with("unix")) << socket.client_address();
    EXPECT_GT(socket.id(), 0U);
    co_await socket.send_text(socket.context().pool());
    EXPECT_FALSE(co_await socket.receive());
    EXPECT_FALSE(socket.open());
    EXPECT_EQ(socket.close_code(), 3001);
    EXPECT_EQ(socket.close_reason(), "why not");
    EXPECT_FALSE(co_await socket.send_text("late"));
    EXPECT_FALSE(socket.try_send_text("late"));
    socket.close();
  };
  const ipc::UniqueFd client = connect({}, worker::test::stream_pair());
  expect_text(client, "main");
  send(client.get(), test::close_frame(3001, "why not"));
  expect_close(client, 3001);
  expect_end(client);
}

TEST_F(WebSocketTest, EchoesManyAndLargeMessages) {
  ipc::UniqueFd client = connect();
  std::string sent, expected;
  for (int i = 0; i < 10'000; ++i) {
    sent += test::text(std::to_string(i));
    expected += answer(1, std::to_string(i));
  }
  for (const std::size_t size : {8191UL, 8192UL, 8193UL, 65535UL, 65536UL, 1048576UL}) {
    sent += test::binary(std::string(size, 'x'));
    expected += answer(2, std::string(size, 'x'));
  }
  // Both at once: neither side could take all that the other sends.
  std::string got;
  std::string_view rest = sent;
  ASSERT_TRUE(turn_until([&] {
    const ssize_t out = rest.empty() ? 0 : ::send(client.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (out > 0) rest.remove_prefix(static_cast<std::size_t>(out));
    char chunk[65536];
    const ssize_t in = ::recv(client.get(), chunk, sizeof chunk, 0);
    if (in > 0) got.append(chunk, static_cast<std::size_t>(in));
    return got.size() >= expected.size();
  }));
  EXPECT_TRUE(got == expected);
  hang_up(client);
}

TEST_F(WebSocketTest, SendsASmallMessageInOneCall) {
  auto [client, server] = worker::test::stream_pair();
  // A seqpacket socket keeps apart what was sent apart.
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  client.reset(ends[0]);
  server.reset(ends[1]);
  const ipc::UniqueFd talking = open({std::move(client), std::move(server)});
  const auto packet = [&] {
    char bytes[70'000];
    ssize_t n = 0;
    EXPECT_TRUE(turn_until([&] { return (n = ::recv(talking.get(), bytes, sizeof bytes, 0)) != -1; }));
    return std::string(bytes, static_cast<std::size_t>(n));
  };
  send(talking.get(), kHandshake);
  EXPECT_TRUE(packet().starts_with("HTTP/1.1 101"));
  for (const std::size_t size : {0UL, 64UL, 200UL, 8192UL}) {
    send(talking.get(), test::binary(std::string(size, 'x')));
    EXPECT_EQ(packet(), answer(2, std::string(size, 'x')));
  }
  send(talking.get(), test::close_frame(1000));
  EXPECT_EQ(packet(), answer(8, close_payload(1000)));
  EXPECT_TRUE(turn_until([&] { return quiet(); }));
}

// Closing.

TEST_F(WebSocketTest, ClosesWhenTheSessionEnds) {
  service.session = [](WebSocket& socket) -> Task<void> { co_await socket.send_text("that's all"); };
  const ipc::UniqueFd client = connect();
  expect_text(client, "that's all");
  expect_close(client, 1000);
  turn();
  EXPECT_FALSE(quiet()) << "it waits for the client's close";
  send(client.get(), test::text("ignored") + test::ping("ignored") + test::close_frame(1000));
  expect_end(client);
  EXPECT_TRUE(turn_until([&] { return quiet(); }));
}

TEST_F(WebSocketTest, RefusesEveryClientWhereAnOptionCanNotWork) {
  service.options.origins = {"example.org"};
  const ipc::UniqueFd client = open(worker::test::tcp_pair());
  send(client.get(), kHandshake);  // without Origin
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_THAT(receive(client.get()), testing::StartsWith("HTTP/1.1 500"));
  EXPECT_TRUE(turn_until([&] { return quiet(); }));
  EXPECT_THAT(log.lines, testing::ElementsAre(testing::HasSubstr("\"example.org\" is not an origin, such as https:")));
}

TEST_F(WebSocketTest, SaysWhatIsWrongWithAClose) {
  using testing::StrEq;
  using testing::ThrowsMessage;
  using Wrong = std::invalid_argument;
  service.session = [](WebSocket& socket) -> Task<void> {
    EXPECT_THAT([&] { socket.close(1005, "why"); },
                ThrowsMessage<Wrong>(StrEq("a WebSocket can't be closed with code 1005")));
    EXPECT_THAT([&] { socket.close(1000, std::string(124, 'x')); },
                ThrowsMessage<Wrong>(StrEq("a WebSocket can't be closed with a reason of 124 bytes: 123 at most")));
    EXPECT_THAT([&] { socket.close(1000, "\xff"); },
                ThrowsMessage<Wrong>(StrEq("a WebSocket can't be closed with a reason that is not UTF-8")));
    socket.close(1000, std::string(123, 'x'));
    co_return;
  };
  const ipc::UniqueFd client = connect();
  expect_close(client, 1000, std::string(123, 'x'));
  send(client.get(), test::close_frame(1000));
  expect_end(client);
}

TEST_F(WebSocketTest, ClosesWithTheSessionsCode) {
  service.session = [](WebSocket& socket) -> Task<void> {
    EXPECT_THROW(socket.close(1005), std::invalid_argument);
    EXPECT_THROW(socket.close(999), std::invalid_argument);
    EXPECT_THROW(socket.close(5000), std::invalid_argument);
    EXPECT_THROW(socket.close(1000, std::string(124, 'x')), std::invalid_argument);
    EXPECT_THROW(socket.close(1000, "\xff"), std::invalid_argument);
    EXPECT_TRUE(socket.open());
    socket.close(4000, "enough");
    EXPECT_FALSE(socket.open());
    EXPECT_FALSE(co_await socket.receive());
    EXPECT_EQ(socket.close_code(), 4000);
  };
  const ipc::UniqueFd client = connect();
  expect_close(client, 4000, "enough");
  send(client.get(), test::close_frame(1000));
  expect_end(client);
}

TEST_F(WebSocketTest, ClosesAfterAnException) {
  service.session = [](WebSocket& socket) -> Task<void> {
    co_await socket.receive();
    throw std::runtime_error("no such room");
  };
  const ipc::UniqueFd client = connect(test::text("x"));
  expect_close(client, 1011);
  send(client.get(), test::close_frame(1011));
  expect_end(client);
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_NE(log.lines[0].find("no such room"), std::string::npos) << log.lines[0];
}

TEST_F(WebSocketTest, DoesNotWaitForEverForTheClientsClose) {
  service.options.close_timeout = 1ms;
  service.session = [](WebSocket&) -> Task<void> { co_return; };
  const ipc::UniqueFd client = connect();
  expect_close(client, 1000);
  expect_end(client);
  EXPECT_TRUE(turn_until([&] { return quiet(); }));
}

TEST_F(WebSocketTest, FailsTheConnectionOnBadInput) {
  service.options.max_message_bytes = 100;
  std::uint16_t code = 0;
  service.session = [&code](WebSocket& socket) -> Task<void> {
    while (co_await socket.receive()) continue;
    code = socket.close_code();
  };
  const std::pair<std::string, unsigned> cases[] = {
      {test::frame(1, "unmasked", {true, 0, false, 0}), 1002},
      {test::frame(1, "reserved", {true, 4, true, 0}), 1002},
      {test::text("\xff"), 1007},
      {test::binary(std::string(101, 'x')), 1009},
      {test::close_frame(1005), 1002},
  };
  for (const auto& [bytes, expected] : cases) {
    ipc::UniqueFd client = connect();
    send(client.get(), test::text("fine") + bytes + std::string(50'000, '\0'));
    expect_close(client, expected);
    expect_end(client);
    EXPECT_EQ(code, expected);
    hang_up(client);
  }
}

TEST_F(WebSocketTest, EndsWithItsClient) {
  std::uint16_t code = 0;
  service.session = [&code](WebSocket& socket) -> Task<void> {
    EXPECT_FALSE(co_await socket.receive());
    code = socket.close_code();
    EXPECT_FALSE(co_await socket.send_text("x"));
  };
  ipc::UniqueFd client = connect();
  hang_up(client);
  EXPECT_EQ(code, 1006);
  client = connect();
  send(client.get(), test::frame(8, ""));
  receive_frame(client, 8, "");
  expect_end(client);
  EXPECT_EQ(code, 1005);
}

// RFC 6455 7.1.1: the server closes first, whatever its session does.
TEST_F(WebSocketTest, HangsUpAfterTheCloseThoughTheSessionGoesOn) {
  bool over = false;
  service.session = [&over](WebSocket& socket) -> Task<void> {
    co_await socket.context().sleep_for(50ms);
    EXPECT_FALSE(co_await socket.receive());
    over = true;
  };
  const ipc::UniqueFd client = connect();
  send(client.get(), test::close_frame(1001));
  expect_close(client, 1001);
  expect_end(client);
  EXPECT_FALSE(over);
  EXPECT_TRUE(turn_until([&] { return quiet(); }));
  EXPECT_TRUE(over);
}

TEST_F(WebSocketTest, SaysThatTheServerStops) {
  ipc::UniqueFd client = connect();
  send(client.get(), test::text("x"));
  expect_text(client, "x");
  drain(worker::DrainMode::closing);
  expect_close(client, 1001, "the server is shutting down");
  send(client.get(), test::close_frame(1001));
  expect_end(client);
  EXPECT_TRUE(turn_until([&] { return quiet(); }));
  client = connect();
  expect_close(client, 1001, "the server is shutting down");
  hang_up(client);
}

TEST_F(WebSocketTest, IsSentToAnotherWorkerByOneThatRetires) {
  const ipc::UniqueFd client = connect();
  send(client.get(), test::text("x"));
  expect_text(client, "x");
  drain(worker::DrainMode::patient);
  expect_close(client, 1001, "connect again");
  send(client.get(), test::close_frame(1001));
  expect_end(client);
  EXPECT_TRUE(turn_until([&] { return quiet(); }));
}

// Pings.

TEST_F(WebSocketTest, AnswersPingsWhileTheSessionIsBusy) {
  bool done = false;
  service.session = [&done](WebSocket& socket) -> Task<void> {
    const auto message = co_await socket.receive();
    while (!done) co_await socket.context().sleep_for(1ms);
    EXPECT_EQ(message->data, "work") << "it stays while others are read";
  };
  ipc::UniqueFd client = connect();
  send(client.get(), test::text("work") + test::ping("1"));
  receive_frame(client, 10, "1");
  send(client.get(), test::ping(std::string(125, '2')));
  receive_frame(client, 10, std::string(125, '2'));
  done = true;
  expect_close(client, 1000);
  hang_up(client);
}

TEST_F(WebSocketTest, AsksSilentClients) {
  service.options.ping_interval = 1ms;
  service.options.pong_timeout = 10s;
  ipc::UniqueFd client = connect();
  for (int i = 0; i < 3; ++i) {
    receive_frame(client, 9, "");
    send(client.get(), test::pong(""));
  }
  hang_up(client);
}

TEST_F(WebSocketTest, GivesUpClientsThatDoNotAnswer) {
  service.options.ping_interval = 1ms;
  service.options.pong_timeout = 1ms;
  std::uint16_t code = 0;
  service.session = [&code](WebSocket& socket) -> Task<void> {
    EXPECT_FALSE(co_await socket.receive());
    code = socket.close_code();
  };
  const ipc::UniqueFd client = connect();
  receive_frame(client, 9, "");
  expect_close(client, 1011, "no answer to a ping");
  expect_end(client);
  EXPECT_TRUE(turn_until([&] { return quiet(); }));
  EXPECT_EQ(code, 1011);
  EXPECT_GE(counter(ipc::Counter::timeouts), 1U);
}

TEST_F(WebSocketTest, DoesNotBlameTheClientForASlowSession) {
  service.options.ping_interval = 1ms;
  service.options.pong_timeout = 1ms;
  service.session = [](WebSocket& socket) -> Task<void> {
    co_await socket.context().sleep_for(100ms);  // many intervals; the client's messages wait
    EXPECT_TRUE(co_await socket.receive());
    EXPECT_TRUE(co_await socket.receive());
  };
  ipc::UniqueFd client = connect(test::text("a") + test::text("b"));
  expect_close(client, 1000);
  hang_up(client);
}

// Slow clients.

struct SlowClients : WebSocketTest {
  /// Sends to a client that does not read, until that would take waiting.
  static std::string fill(WebSocket& socket) {
    const std::string piece(1000, '.');
    std::string all;
    while (socket.try_send_text(piece)) all += answer(1, piece);
    EXPECT_TRUE(socket.open());
    return all;
  }
};

TEST_F(SlowClients, BoundWhatWaits) {
  service.options.max_queued_bytes = 100'000;
  std::string sent;
  service.session = [&sent](WebSocket& socket) -> Task<void> {
    EXPECT_FALSE(socket.try_send_text(std::string(100'001, 'x')));
    sent = fill(socket);
    EXPECT_FALSE(socket.try_send_text(std::string(1000, '.')));
    EXPECT_TRUE(co_await socket.send_text("last"));
  };
  const ipc::UniqueFd client = connect();
  EXPECT_GT(sent.size(), 100'000U);
  EXPECT_TRUE(receive(client.get(), sent.size()) == sent);
  expect_text(client, "last");
  expect_close(client, 1000);
  send(client.get(), test::close_frame(1000));
  expect_end(client);
}

TEST_F(SlowClients, GetALargeMessageWholeAndTheirPongBehindIt) {
  const std::string large(8 << 20, 'x');
  bool sent = false;
  service.session = [&](WebSocket& socket) -> Task<void> {
    co_await socket.receive();
    EXPECT_TRUE(co_await socket.send_binary(large));
    sent = true;
    EXPECT_FALSE(co_await socket.receive());
  };
  const ipc::UniqueFd client = connect(test::text("go"));
  send(client.get(), test::ping("1") + test::ping("2") + test::ping("3"));
  for (int i = 0; i < 10; ++i) turn();
  EXPECT_FALSE(sent);
  EXPECT_TRUE(receive(client.get(), large.size() + 10) == answer(2, large));
  receive_frame(client, 10, "3");
  EXPECT_TRUE(sent);
  send(client.get(), test::close_frame(1000));
  expect_close(client, 1000);
  expect_end(client);
}

TEST_F(SlowClients, MayReceiveAndBeSentToByTwoCoroutines) {
  const std::string large(4 << 20, 'x');
  int received = 0;
  service.session = [&](WebSocket& socket) -> Task<void> {
    bool over = false;
    const auto feed = [](WebSocket& to, const std::string& text, bool& done) -> Task<void> {
      while (co_await to.send_text(text)) continue;
      done = true;
    };
    socket.context().spawn(feed(socket, large, over));
    while (co_await socket.receive()) ++received;
    while (!over) co_await socket.context().sleep_for(1ms);
  };
  ipc::UniqueFd client = connect();
  for (int i = 0; i < 100; ++i) send(client.get(), test::text("x"));
  EXPECT_TRUE(turn_until([&] { return received == 100; }));
  EXPECT_TRUE(receive(client.get(), large.size() + 10) == answer(1, large));
  hang_up(client);
}

TEST_F(SlowClients, AreHeldBackWhereTheSessionIsSlow) {
  bool go = false;
  std::size_t received = 0;
  service.session = [&](WebSocket& socket) -> Task<void> {
    while (!go) co_await socket.context().sleep_for(1ms);
    while (auto message = co_await socket.receive()) received += message->data.size();
  };
  ipc::UniqueFd client = connect();
  const std::string message = test::binary(std::string(10'000, 'x'));
  std::string_view rest;
  std::size_t sent = 0;
  int refused = 0;
  while (refused < 20) {
    if (rest.empty()) rest = message;
    const ssize_t n = ::send(client.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n > 0) {
      rest.remove_prefix(static_cast<std::size_t>(n));
      sent += static_cast<std::size_t>(n);
      refused = 0;
    } else {
      ++refused;
    }
    turn();
    ASSERT_LT(sent, 64U << 20) << "the worker takes all";
  }
  EXPECT_LT(counter(ipc::Counter::bytes_in), 40'000U) << "what the worker has read";
  go = true;
  send(client.get(), rest);
  const std::size_t messages = (sent + rest.size()) / message.size();
  EXPECT_TRUE(turn_until([&] { return received == messages * 10'000; })) << received;
  hang_up(client);
}

struct ImpatientServer : WebSocketTest {
  ImpatientServer() : WebSocketTest({0ms, 20ms}) {}
};

TEST_F(ImpatientServer, GivesUpAClientThatTakesNothing) {
  const std::string large(16 << 20, 'x');
  std::uint16_t code = 0;
  service.session = [&](WebSocket& socket) -> Task<void> {
    EXPECT_FALSE(co_await socket.send_text(large));
    code = socket.close_code();
  };
  const ipc::UniqueFd client = connect();
  EXPECT_TRUE(turn_until([&] { return quiet(); }));
  EXPECT_EQ(code, 1006);
}

TEST_F(WebSocketTest, ASessionThatEndsTakesItsOtherSendWithIt) {
  const std::string large(16 << 20, 'x');
  bool told = false;
  service.session = [&](WebSocket& socket) -> Task<void> {
    const auto feed = [](WebSocket& to, const std::string& text, bool& done) -> Task<void> {
      EXPECT_FALSE(co_await to.send_text(text));
      done = true;
    };
    socket.context().spawn(feed(socket, large, told));
    co_await socket.receive();
  };
  const ipc::UniqueFd client = connect(test::text("x"));
  EXPECT_TRUE(turn_until([&] { return quiet(); }));
  EXPECT_TRUE(told);
}

TEST_F(WebSocketTest, RefusesTextsThatAreNotUtf8) {
  service.session = [](WebSocket& socket) -> Task<void> {
    EXPECT_THROW((void)socket.try_send_text("\xff"), std::invalid_argument);
    bool thrown = false;
    try {
      co_await socket.send_text("\xff");
    } catch (const std::invalid_argument&) {
      thrown = true;
    }
    EXPECT_TRUE(thrown);
    EXPECT_TRUE(co_await socket.send_binary("\xff"));
  };
  ipc::UniqueFd client = connect();
  receive_frame(client, 2, "\xff");
  expect_close(client, 1000);
  hang_up(client);
}

TEST_F(WebSocketTest, RefusesOthers) {
  const ipc::UniqueFd client = open(worker::test::tcp_pair());
  send(client.get(), "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(receive(client.get()).starts_with("HTTP/1.1 426 Upgrade Required\r\n"));
}

// Goal: what the client still sends when both have closed takes neither our last message nor our close frame with it.
TEST_F(WebSocketTest, WhatComesBehindTheCloseTakesNothingWithIt) {
  const std::string text(worker::test::kSlowBytes, 'x');
  const auto slow_to_end = [](WebSocket& socket) -> Task<void> {
    co_await echo(socket);
    co_await socket.context().sleep_for(20ms);
  };
  for (const WebSocketSession& session : {WebSocketSession(echo), WebSocketSession(slow_to_end)}) {
    service.session = session;
    const ipc::UniqueFd client = connect({}, worker::test::slow_pair());
    send(client.get(), test::text(text) + test::close_frame(1000));
    ASSERT_TRUE(turn_until([&] { return quiet(); })) << "the server is through with it";
    send(client.get(), test::ping("late"));
    const std::string wanted = answer(1, text) + answer(8, close_payload(1000, {}));
    EXPECT_TRUE(receive(client.get()) == wanted);
    EXPECT_EQ(broken, 0);
  }
}

}  // namespace
}  // namespace prefork::http
