#include "framework/http/wire/parser.hpp"

#include <gtest/gtest.h>

#include "tests/framework/http/wire/messages.hpp"

namespace prefork::http::test {
namespace {

class Parse {
 public:
  explicit Parse(std::string text, const Limits& limits = kTestLimits) : bytes_(std::move(text)) {
    ParseState state;
    const Parsed parsed = parse_head(bytes_, limits, state, room_.head);
    EXPECT_EQ(parsed.result, ParseResult::complete) << bytes_ << (parsed.refusal ? parsed.refusal->reason : "");
  }
  const RequestHead* operator->() const { return &room_.head; }

 private:
  std::string bytes_;
  Room room_;
};

std::string get(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: h:80\r\n\r\n"; }

TEST(Parser, GivesTheRequestLine) {
  const Parse head("DELETE /a/b?c=d&e HTTP/1.1\r\nHost: h\r\n\r\nrest");
  EXPECT_EQ(head->method, Method::erase);
  EXPECT_EQ(head->method_name, "DELETE");
  EXPECT_EQ(head->target, "/a/b?c=d&e");
  EXPECT_EQ(head->path, "/a/b");
  EXPECT_EQ(head->query, "c=d&e");
  EXPECT_EQ(head->minor_version, 1);
  EXPECT_EQ(head->bytes, 39U);
  EXPECT_EQ(head->framing, Framing::none);
}

TEST(Parser, KnowsTheMethods) {
  for (const Method method : {Method::get, Method::head, Method::post, Method::put, Method::erase, Method::patch,
                              Method::options, Method::trace}) {
    const Parse head(std::string(to_string(method)) + " / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(head->method, method);
  }
  // RFC 9110 9.1: methods are case-sensitive.
  for (const char* name : {"get", "GETS", "PUTT", "X", "M-SEARCH", "A.b~c|d"}) {
    const Parse head(std::string(name) + " / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(head->method, Method::other) << name;
  }
}

// RFC 9112 3.2
TEST(Parser, SplitsTargets) {
  struct Case {
    const char *target, *host, *path, *query;
  };
  for (const Case& c :
       {Case{"/", "h:80", "/", ""}, Case{"/?", "h:80", "/", ""}, Case{"/a?b?c", "h:80", "/a", "b?c"},
        Case{"//a", "h:80", "//a", ""}, Case{"http://x", "x", "/", ""}, Case{"https://x:8/a?b", "x:8", "/a", "b"},
        Case{"http://x?y=/z", "x", "/", "y=/z"}, Case{"hTTp://[2001:db8::1]:8080/p", "[2001:db8::1]:8080", "/p", ""}}) {
    const Parse head(get(c.target));
    EXPECT_EQ(head->host, c.host) << c.target;
    EXPECT_EQ(head->path, c.path) << c.target;
    EXPECT_EQ(head->query, c.query) << c.target;
  }
}

// RFC 9112 2.2
TEST(Parser, CountsALeadingEmptyLine) {
  const Parse head("\r\n" + get("/"));
  EXPECT_EQ(head->bytes, get("/").size() + 2);
}

// RFC 9112 5, RFC 9110 5.5
TEST(Parser, TrimsSpaceAndTabOnly) {
  const Parse head(with_field("A: \t b c \t \r\nB:\r\nC: \t"));
  ASSERT_EQ(head->field_count, 4);
  EXPECT_EQ(head->fields[1].name, "A");
  EXPECT_EQ(head->fields[1].value, "b c");
  EXPECT_EQ(head->fields[2].value, "");
  EXPECT_EQ(head->fields[3].value, "");
}

// RFC 9112 9.3, 9.6
TEST(Parser, DecidesAboutKeepAlive) {
  struct Case {
    const char *version, *fields;
    bool keep_alive;
  };
  for (const Case& c :
       {Case{"1.1", "", true}, Case{"1.0", "", false}, Case{"1.1", "Connection: close\r\n", false},
        Case{"1.1", "connection: CLOSE\r\n", false}, Case{"1.1", "Connection: a, close ,b\r\n", false},
        Case{"1.1", "Connection: a\r\nConnection: close\r\n", false}, Case{"1.1", "Connection: closed\r\n", true},
        Case{"1.1", "Connection: keep-alive, close\r\n", false}, Case{"1.0", "Connection: keep-alive\r\n", true},
        Case{"1.0", "Connection: Keep-Alive\r\n", true}, Case{"1.0", "Connection: keep-alive, close\r\n", false},
        Case{"1.0", "Connection: ,\t,keep-alive\r\n", true}, Case{"1.7", "", true}}) {
    const Parse head("GET / HTTP/" + std::string(c.version) + "\r\nHost: h\r\n" + c.fields + "\r\n");
    EXPECT_EQ(head->keep_alive, c.keep_alive) << c.version << " " << c.fields;
  }
}

// RFC 9110 10.1.1
TEST(Parser, KnowsExpectContinue) {
  EXPECT_TRUE(Parse(with_field("Expect: 100-continue"))->expect_continue);
  EXPECT_TRUE(Parse(with_field("expect: 100-CONTINUE"))->expect_continue);
  EXPECT_FALSE(Parse(with_field("Expect: 100-continue", "POST / HTTP/1.0\r\n"))->expect_continue);
  EXPECT_FALSE(Parse(with_field("Expect: magic", "POST / HTTP/1.0\r\n"))->expect_continue);
}

// RFC 9112 6
TEST(Parser, DecidesAboutFraming) {
  const Parse length(with_field("Content-Length: 0012"));
  EXPECT_EQ(length->framing, Framing::length);
  EXPECT_EQ(length->content_length, 12U);
  EXPECT_EQ(Parse(with_field("Transfer-Encoding: chunked"))->framing, Framing::chunked);
}

TEST(Parser, HoldsLimitsExactly) {
  const Limits limits{20, 20, 2, 9};
  EXPECT_EQ(parse_at_once("GET /aaaaaa HTTP/1.1\r\nHost: h\r\n\r\n", limits).status, 0U);
  EXPECT_EQ(parse_at_once("GET /aaaaaaa HTTP/1.1\r\nHost: h\r\n\r\n", limits).status, 414U);
  EXPECT_EQ(parse_at_once("GET / HTTP/1.1\r\nHost: h\r\nA: aaaaaa\r\n\r\n", limits).status, 0U);
  EXPECT_EQ(parse_at_once("GET / HTTP/1.1\r\nHost: h\r\nA: aaaaaaaaaaaa\r\n\r\n", limits).status, 431U);
  EXPECT_EQ(parse_at_once("GET / HTTP/1.1\r\nHost: h\r\nA:\r\nB:\r\n\r\n", limits).status, 431U);
  EXPECT_EQ(parse_at_once("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n", {20, 99, 2, 9}).status, 0U);
  EXPECT_EQ(parse_at_once("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n", {20, 99, 2, 9}).status, 413U);
}

TEST(Parser, RefusesEveryControlCharacterEverywhere) {
  const std::string good = with_field("A: bb");
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
      if (!control || good[at] == '\r' || good[at] == '\n') continue;
      std::string bad = good;
      bad[at] = static_cast<char>(byte);
      EXPECT_EQ(parse_at_once(bad).status, 400U) << at << " " << byte;
    }
  }
}

TEST(Parser, AllowsTheTokenCharactersInNamesOnly) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  for (int byte = 0x21; byte < 256; ++byte) {
    if (byte == ':') continue;
    const char c = static_cast<char>(byte);
    const bool token = byte < 128 && (std::isalnum(byte) != 0 || kMarks.find(c) != std::string_view::npos);
    const Outcome outcome = parse_at_once(with_field(std::string("A") + c + "B: c"));
    EXPECT_EQ(outcome.result == ParseResult::complete, token) << byte;
  }
}

}  // namespace
}  // namespace prefork::http::test
