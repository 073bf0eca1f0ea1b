// Goal: a request is answered with 101 only if it is a WebSocket handshake by RFC 6455 4.2.1 from an allowed origin,
// and otherwise with the error that says why not.
#include "framework/http/web_socket/web_socket_handshake.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "framework/http/message/request_state.hpp"
#include "tests/framework/http/message/field_lines.hpp"

namespace prefork::http {
namespace {

/// The example of RFC 6455 1.2, to be changed by each test.
struct Asking {
  Method method = Method::get;
  unsigned minor_version = 1;
  std::string host = "server.example.com";
  std::vector<Header> fields = {{"Upgrade", "websocket"},
                                {"Connection", "Upgrade"},
                                {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                                {"Sec-WebSocket-Version", "13"}};

  Asking with(std::string_view name, std::string_view value) const {
    Asking changed = without(name);
    changed.fields.push_back({name, value});
    return changed;
  }
  Asking plus(std::string_view name, std::string_view value) const {
    Asking changed = *this;
    changed.fields.push_back({name, value});
    return changed;
  }
  Asking without(std::string_view name) const {
    Asking changed = *this;
    std::erase_if(changed.fields, [&](const Header& field) { return field.name == name; });
    return changed;
  }

  Response answer(const WebSocketOptions& options = {}) const {
    RequestState state;
    std::vector<Header> lines = fields;
    state.head.method = method;
    state.head.minor_version = static_cast<std::uint8_t>(minor_version);
    state.head.host = host;
    state.head.fields = lines.data();
    state.head.field_count = static_cast<std::uint16_t>(lines.size());
    return answer_handshake(state.as_request(), options);
  }
  unsigned status(const WebSocketOptions& options = {}) const { return code(answer(options).status()); }
};

TEST(WebSocketHandshake, AnswersTheExampleOfTheRfc) {
  const Response response = Asking().answer();
  EXPECT_EQ(response.status(), Status::switching_protocols);
  EXPECT_EQ(test::field_lines(response),
            "Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
}

TEST(WebSocketHandshake, TakesListsAndAnyCase) {
  const Asking asking;
  EXPECT_EQ(asking.with("Connection", "keep-alive, Upgrade").status(), 101U);
  EXPECT_EQ(asking.with("Connection", "keep-alive").plus("connection", "UPGRADE").status(), 101U);
  EXPECT_EQ(asking.with("Upgrade", "h2c,\tWebSocket").status(), 101U);
  EXPECT_EQ(asking.with("Connection", "xupgrade").status(), 426U);
  EXPECT_EQ(asking.with("Upgrade", "websocket/13").status(), 426U);
  EXPECT_EQ(asking.with("Upgrade", "").status(), 426U);
}

TEST(WebSocketHandshake, AsksOthersToUpgrade) {
  const Asking asking;
  EXPECT_EQ(asking.without("Upgrade").status(), 426U);
  EXPECT_EQ(asking.without("Connection").status(), 426U);
  Asking old = asking;
  old.minor_version = 0;
  EXPECT_EQ(old.status(), 426U);
  Asking head = asking;
  head.method = Method::head;
  EXPECT_EQ(head.status(), 426U);
  EXPECT_EQ(asking.without("Upgrade").answer().header("Upgrade"), "websocket") << "RFC 9110 15.5.22";
}

// RFC 6455 4.2.2, 4.4
TEST(WebSocketHandshake, SaysWhichVersionItSpeaks) {
  const Asking asking;
  for (const char* version : {"8", "14", "013", "", "13, 8"}) {
    const Response response = asking.with("Sec-WebSocket-Version", version).answer();
    EXPECT_EQ(response.status(), Status::upgrade_required) << version;
    EXPECT_EQ(response.header("Sec-WebSocket-Version"), "13");
  }
  EXPECT_EQ(asking.without("Sec-WebSocket-Version").status(), 426U);
  EXPECT_EQ(asking.plus("Sec-WebSocket-Version", "13").status(), 426U) << "only one";
}

// RFC 6455 4.2.1: 16 bytes in base64
TEST(WebSocketHandshake, ChecksTheKey) {
  const Asking asking;
  for (const char* key : {"", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQQ=",
                          "dGhlIHNhbXBsZSBub25jZQQQ", "dGhlIHNhbXBsZSBub25j", "dGhlIHNhbXBsZSBub25jZQ==x",
                          "dGhl IHNhbXBsZSBub25jZ==", "dGhlIHNhbXBsZSBub25jZ-==", "========================"}) {
    EXPECT_EQ(asking.with("Sec-WebSocket-Key", key).status(), 400U) << key;
  }
  EXPECT_EQ(asking.without("Sec-WebSocket-Key").status(), 400U);
  EXPECT_EQ(asking.plus("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==").status(), 400U) << "exactly one";
}

TEST(WebSocketHandshake, HashesTheKey) {
  EXPECT_EQ(accept_value("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(accept_value("x3JJHMbDL1EzLkh9GBhXDw=="), "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

TEST(WebSocketHandshake, LetsOwnPagesConnect) {
  const WebSocketOptions own;
  EXPECT_TRUE(may_connect("http://example.org", "example.org", own));
  EXPECT_TRUE(may_connect("HTTP://Example.ORG", "example.org:80", own));
  EXPECT_TRUE(may_connect("http://example.org:80", "EXAMPLE.org", own));
  EXPECT_TRUE(may_connect("https://example.org", "example.org", own)) << "a proxy speaks TLS";
  EXPECT_TRUE(may_connect("https://example.org", "example.org:443", own));
  EXPECT_TRUE(may_connect("http://127.0.0.1:8080", "127.0.0.1:8080", own));
  EXPECT_TRUE(may_connect("http://[2001:db8::1]", "[2001:DB8::1]", own));
  EXPECT_TRUE(may_connect("http://[::1]:81", "[::1]:81", own));
}

TEST(WebSocketHandshake, LetsNoOtherPagesConnect) {
  const WebSocketOptions own;
  for (const char* origin :
       {"http://example.org:8080", "https://example.org:80", "http://example.com", "http://xexample.org",
        "http://example.org.evil.net", "http://example.org@evil.net", "http://evil.net#example.org", "null", "",
        "example.org", "://example.org", "file://", "file://example.org", "http://", "http://example.org/",
        "http://example.org http://example.org", "chrome-extension://example.org"}) {
    EXPECT_FALSE(may_connect(origin, "example.org", own)) << origin;
  }
  EXPECT_FALSE(may_connect("http://example.org", "", own));
  EXPECT_FALSE(may_connect("http://[::1]:81", "[::1]:82", own));
}

TEST(WebSocketHandshake, LetsListedPagesConnect) {
  WebSocketOptions options;
  options.origins = {"https://example.org", "http://other.net:81"};
  EXPECT_TRUE(may_connect("https://EXAMPLE.org:443", "backend", options));
  EXPECT_TRUE(may_connect("http://other.net:81", "backend", options));
  EXPECT_FALSE(may_connect("http://example.org", "backend", options));
  EXPECT_FALSE(may_connect("http://other.net", "backend", options));
  EXPECT_FALSE(may_connect("http://backend", "backend", options)) << "a list is all that may";
  options.origins = {"*"};
  EXPECT_TRUE(may_connect("null", "backend", options));
  EXPECT_TRUE(may_connect("http://any.where:99", "backend", options));
}

TEST(WebSocketHandshake, SaysWhichOptionCanNotWork) {
  using testing::ThrowsMessage;
  using Wrong = std::invalid_argument;
  WebSocketOptions options;
  EXPECT_NO_THROW(check(options));
  options.origins = {"*", "https://example.org", "http://[2001:db8::1]:81", "chrome-extension://abcdef"};
  options.subprotocols = {"chat.v1"};
  EXPECT_NO_THROW(check(options));
  for (const std::string origin : {"example.org", "", "null", "https://", "https://example.org/", "https://a.org:x",
                                   "https://*.example.org", "https://a.org,", "https://a.org,https://b.org"}) {
    options.origins = {"https://fine.org", origin};
    const std::string sentence = "\"" + origin + "\" is not an origin, such as https://example.org";
    EXPECT_THAT([&] { check(options); }, ThrowsMessage<Wrong>(sentence));
  }
  options.origins.clear();
  options.subprotocols = {"chat.v1", "no token"};
  EXPECT_THAT([&] { check(options); }, ThrowsMessage<Wrong>("subprotocol \"no token\" is not a token"));
}

TEST(WebSocketHandshake, RefusesForeignPages) {
  const Asking asking;
  EXPECT_EQ(asking.with("Origin", "http://server.example.com").status(), 101U);
  EXPECT_EQ(asking.with("Origin", "http://evil.net").status(), 403U);
  EXPECT_EQ(asking.with("Origin", "http://server.example.com").plus("Origin", "http://evil.net").status(), 403U);
  EXPECT_EQ(asking.status(), 101U) << "no browser";
}

TEST(WebSocketHandshake, TakesTheFirstSubprotocolOfTheClientsList) {
  WebSocketOptions options;
  options.subprotocols = {"chat.v1", "chat.v2"};
  const auto chosen = [&](const Asking& asking) {
    const Response response = asking.answer(options);
    EXPECT_EQ(response.status(), Status::switching_protocols);
    return std::string(response.header("Sec-WebSocket-Protocol").value_or("none"));
  };
  const Asking asking;
  EXPECT_EQ(chosen(asking), "none");
  EXPECT_EQ(chosen(asking.with("Sec-WebSocket-Protocol", "chat.v2, chat.v1")), "chat.v2");
  EXPECT_EQ(chosen(asking.with("Sec-WebSocket-Protocol", "superchat").plus("Sec-WebSocket-Protocol", "chat.v1")),
            "chat.v1");
  EXPECT_EQ(chosen(asking.with("Sec-WebSocket-Protocol", "CHAT.V1")), "none") << "names are compared as they are";
  EXPECT_EQ(chosen(asking.with("Sec-WebSocket-Protocol", ",,")), "none");
}

}  // namespace
}  // namespace prefork::http
