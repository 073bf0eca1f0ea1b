// Goal: WebSockets and event streams of the real server work, with our own client and a common one: when the client is
// slow, when the server stops, and when its worker is killed.
#include "tests/framework/http/web_socket/client_frames.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

namespace frames = http::test;

constexpr const char* kConfig = R"([pool main]
workers = 2
[service it]
plugin = {plugins}/sockets.so
listen = tcp://127.0.0.1:0
listen = unix:{dir}/it.sock
)";

Client connect(const Address& address, const std::string& path = "/talk", Client::Lag lag = Client::Lag::none) {
  Client client(address, lag);
  client.send("GET " + path +
              " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  const std::string head = client.receive_until("\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << head;
  EXPECT_EQ(count(head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), 1U) << head;
  EXPECT_EQ(count(head, "Connection: Upgrade\r\n"), 1U) << head;
  EXPECT_EQ(count(head, "Upgrade: websocket\r\n"), 1U) << head;
  return client;
}

void expect_answer(Client& client, unsigned opcode, const std::string& payload) {
  const std::string expected = frames::answer(opcode, payload);
  EXPECT_TRUE(client.receive_exactly(expected.size()) == expected) << payload.substr(0, 100);
}

TEST(WebSocket, Echoes) {
  Server server(kConfig);
  server.ready(2);
  for (std::size_t nth = 0; nth < 2; ++nth) {
    Client client = connect(server.address("it", nth));
    client.send(frames::text("Hello"));
    expect_answer(client, 1, "Hello");
    client.send(frames::part(2, "one", false) + frames::ping("p") + frames::part(0, ",two", true));
    expect_answer(client, 10, "p");
    expect_answer(client, 2, "one,two");
    client.send(frames::close_frame(1000));
    expect_answer(client, 8, frames::close_payload(1000));
    EXPECT_TRUE(client.closed());
  }
  EXPECT_TRUE(server.logged("socket closed with 1000", 2));
  EXPECT_TRUE(server.stops_clean());
}

TEST(WebSocket, EchoesTenThousandMessagesThatComeAtOnce) {
  Server server(kConfig);
  server.ready(2);
  Client client = connect(server.address("it"));
  std::string all, expected, got;
  for (int i = 0; i < 10'000; ++i) {
    all += frames::text(std::to_string(i));
    expected += frames::answer(1, std::to_string(i));
  }
  for (std::size_t sent = 0; got.size() < expected.size();) {
    if (sent < all.size()) {
      ASSERT_TRUE(client.push(std::string_view(all).substr(sent), sent));
    }
    if (sent == all.size() || !client.silent()) got += client.receive();
  }
  EXPECT_TRUE(got == expected);
}

TEST(WebSocket, ServesAClientOfPeople) {
  // Debian's own, which has its packages; another python3 may come first in the path.
  const std::string python = "/usr/bin/python3";
  if (run({{python, "-c", "import websockets"}}).code != 0) GTEST_SKIP() << "needs python3-websockets";
  Server server(kConfig);
  server.ready(2);
  const Address address = server.address("it");
  const Outcome outcome = run({{python, PREFORK_TEST_SCRIPTS "/support/web_socket_client.py",
                                "ws://" + address.host() + ":" + address.port() + "/talk"}});
  EXPECT_EQ(outcome.out, "well\n") << outcome.err;
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(server.status()["restarts"].size(), 0U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(WebSocket, ASlowReaderGetsAllAndHoldsUpNobody) {
  Server server(kConfig);
  server.ready(2);
  Client slow = connect(server.address("it"), "/talk", Client::Lag::small_window);
  slow.send(frames::text("flood"));
  for (int i = 0; i < 10; ++i) {
    Client other = connect(server.address("it"));
    other.send(frames::text("x"));
    expect_answer(other, 1, "x");
  }
  const std::string piece = frames::answer(1, std::string(10'000, 'f'));
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(slow.receive_exactly(piece.size()) == piece) << i;
  slow.send(frames::text("after"));
  expect_answer(slow, 1, "after");
}

TEST(WebSocket, IsToldThatTheServerStops) {
  Server server(kConfig);
  server.ready(2);
  std::vector<Client> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(connect(server.address("it")));
  server.signal(SIGTERM);
  for (Client& client : clients) {
    expect_answer(client, 8, frames::close_payload(1001, "the server is shutting down"));
    client.send(frames::close_frame(1001));
    EXPECT_TRUE(client.closed());
  }
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(server.left_nothing());
  EXPECT_TRUE(server.logged("socket closed with 1001", 8));
}

// A client that does not answer the close is not waited for beyond close-timeout.
TEST(WebSocket, StopsThoughClientsDoNotAnswer) {
  Server server(kConfig);
  server.ready(2);
  Client client = connect(server.address("it"));
  server.signal(SIGTERM);
  expect_answer(client, 8, frames::close_payload(1001, "the server is shutting down"));
  EXPECT_TRUE(client.closed());
  EXPECT_EQ(server.wait_exit(), 0);
}

TEST(WebSocket, IsToldToConnectAgainByAReload) {
  Server server(kConfig);
  server.ready(2);
  Client client = connect(server.address("it"));
  EXPECT_EQ(server.ctl({"reload"}).code, 0);
  expect_answer(client, 8, frames::close_payload(1001, "connect again"));
  client.send(frames::close_frame(1001));
  EXPECT_TRUE(client.closed());
  Client again = connect(server.address("it"));
  again.send(frames::text("here"));
  expect_answer(again, 1, "here");
  EXPECT_TRUE(server.stops_clean());
}

TEST(WebSocket, EndsWithItsWorkerAndComesBackWithTheNext) {
  Server server(kConfig);
  server.ready(2);
  Client client = connect(server.address("it"));
  for (const pid_t pid : server.workers()) ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_TRUE(client.closed());
  server.ready(2);
  Client again = connect(server.address("it"));
  again.send(frames::text("again"));
  expect_answer(again, 1, "again");
}

TEST(EventStream, GoesOnFromTheLastEvent) {
  Server server(kConfig);
  server.ready(2);
  Client client(server.address("it"));
  client.send("GET /count HTTP/1.0\r\nHost: a\r\nLast-Event-ID: 41\r\n\r\n");
  const std::string head = client.receive_until("\r\n\r\n");
  EXPECT_EQ(count(head, "Content-Type: text/event-stream\r\n"), 1U) << head;
  const std::string expected =
      "retry: 100\n\nevent: count\nid: 42\ndata: number\ndata: 42\n\nevent: count\nid: 43\ndata: number\ndata: 43\n\n";
  EXPECT_EQ(client.receive_exactly(expected.size()), expected);
  server.signal(SIGTERM);
  const std::string rest = client.receive_to_end();
  EXPECT_TRUE(rest.empty() || rest.ends_with("\n\n")) << "whole events only: " << rest;
  EXPECT_EQ(server.wait_exit(), 0);
}

TEST(EventStream, ServesCurl) {
  SKIP_UNLESS_HAVE("curl");
  Server server(kConfig);
  server.ready(2);
  // It ends curl that time is over; what it got until then is what counts.
  const Outcome curl = run({{"curl", "-s", "-N", "-m", "1", server.address("it").http("/count")}});
  EXPECT_EQ(curl.code, 28) << curl.err;
  EXPECT_TRUE(curl.out.starts_with("retry: 100\n\nevent: count\nid: 1\ndata: number\ndata: 1\n\n")) << curl.out;
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
