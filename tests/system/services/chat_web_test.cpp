// Goal: browsers are in the same room as everyone else, on whatever worker: they receive and are received, their names
// are unique, and their departure is announced, even if their worker is killed.
#include <signal.h>

#include "tests/framework/http/web_socket/client_frames.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

namespace frames = http::test;

constexpr const char* kConfig = R"([pool main]
workers = 2
[pool web]
workers = 1
[service chat]
plugin = chat
listen = tcp://127.0.0.1:0
listen = udp://127.0.0.1:0
[service chat-web]
plugin = chat-web
pool = web
listen = tcp://127.0.0.1:0
mount = /chat
)";

/// A browser's connection, without the browser.
class WebTalker {
 public:
  WebTalker(const Server& server, const std::string& name, const std::string& origin = "")
      : client_(server.address("chat-web")) {
    client_.send("GET /chat/ws HTTP/1.1\r\nHost: room.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
                 (origin.empty() ? "" : "Origin: " + origin + "\r\n") +
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    head_ = client_.receive_until("\r\n\r\n");
    if (head_.starts_with("HTTP/1.1 101")) say(name);
  }

  const std::string& head() const { return head_; }
  Client& client() { return client_; }
  void say(const std::string& line) { client_.send(frames::text(line)); }
  /// Whether something is heard that holds all of these.
  bool hears(const std::vector<std::string>& parts) {
    return eventually([&] {
      if (!client_.silent()) heard_ += client_.receive();
      std::size_t begin = 0;
      for (std::size_t end; (end = heard_.find('\n', begin)) != std::string::npos; begin = end + 1) {
        const std::string line = heard_.substr(begin, end - begin);
        if (std::all_of(parts.begin(), parts.end(), [&](const auto& part) { return count(line, part) > 0; }))
          return true;
      }
      return false;
    });
  }

 private:
  Client client_;
  std::string head_;
  std::string heard_;
};

TEST(ChatWeb, GivesAPageThatNeedsNothingFromElsewhere) {
  Server server(kConfig);
  server.ready(3);
  const std::string page = ask(server.address("chat-web"), "GET /chat HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(page.starts_with("HTTP/1.1 200 OK\r\n")) << page.substr(0, 200);
  EXPECT_EQ(count(page, "Content-Security-Policy: default-src 'none'; style-src 'sha256-"), 1U);
  EXPECT_EQ(count(page, "src=\"http"), 0U);
  EXPECT_EQ(count(page, "<!DOCTYPE html>"), 1U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(ChatWeb, IsTheSameRoomAsByTcpAndUdp) {
  Server server(kConfig);
  server.ready(3);
  Client tcp(server.address("chat"));
  tcp.send("Ada\n").receive_until("Ada joined\n");
  WebTalker web(server, "Bea");
  EXPECT_TRUE(web.hears({"\"kind\":\"joined\"", "\"name\":\"Bea\""}));
  EXPECT_EQ(count(tcp.receive_until("Bea joined\n"), "Bea joined"), 1U);
  tcp.send("from <b>tcp</b>\n");
  EXPECT_TRUE(web.hears({"\"kind\":\"said\"", "\"from\":\"Ada\"", "\"text\":\"from <b>tcp</b>\""}));
  web.say("from the web");
  EXPECT_EQ(count(tcp.receive_until("Bea: from the web\n"), "Bea: from the web"), 1U);
  Client udp(server.address("chat", 1));
  EXPECT_EQ(udp.send("L Cy").receive(), "OK");
  EXPECT_EQ(udp.send("C Cy hello").receive(), "OK");
  EXPECT_TRUE(web.hears({"\"from\":\"Cy\"", "\"text\":\"hello\""}));
  tcp.send("/msg Bea psst\n");
  EXPECT_TRUE(web.hears({"\"kind\":\"whisper\"", "\"from\":\"Ada\"", "\"text\":\"psst\""}));
  WebTalker other(server, "Ada");
  EXPECT_TRUE(other.hears({"\"kind\":\"question\"", "taken"}));
  web.say("/quit");
  EXPECT_EQ(count(tcp.receive_until("Bea left\n"), "Bea left"), 1U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(ChatWeb, SeesOffWhoeverWasOnAKilledWorker) {
  Server server(kConfig);
  server.ready(3);
  Client tcp(server.address("chat"));
  tcp.send("Ada\n").receive_until("Ada joined\n");
  WebTalker web(server, "Bea");
  tcp.receive_until("Bea joined\n");
  ASSERT_EQ(::kill(server.workers("web").at(0), SIGKILL), 0);
  EXPECT_EQ(count(tcp.receive_until("Bea left\n"), "Bea left"), 1U);
  EXPECT_TRUE(eventually([&] { return web.client().closed(); }));
  server.ready(3);
  WebTalker again(server, "Bea");
  EXPECT_TRUE(again.hears({"\"kind\":\"joined\"", "\"name\":\"Bea\""})) << "the name is free";
  EXPECT_TRUE(server.stops_clean());
}

TEST(ChatWeb, RefusesPagesOfOtherOrigins) {
  Server server(kConfig);
  server.ready(3);
  EXPECT_TRUE(WebTalker(server, "Eve", "https://evil.example").head().starts_with("HTTP/1.1 403"));
  EXPECT_TRUE(WebTalker(server, "Bea", "http://room.example").head().starts_with("HTTP/1.1 101"));
}

TEST(ChatWeb, DoesNotStartWithAnOriginThatIsNone) {
  Server server(std::string(kConfig) + "origins = https://example.org example.com\n");
  EXPECT_EQ(server.wait_exit(), 78);
  EXPECT_TRUE(server.logged("origins in [service chat-web]: \"example.com\" is not an origin"));
}

}  // namespace
}  // namespace prefork::system_test
