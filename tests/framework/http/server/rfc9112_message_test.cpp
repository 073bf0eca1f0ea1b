// Goal: the server meets the requirements of RFC 9112 2, 4 and 5: messages, the status line, fields.
#include "tests/framework/http/rfc_rows.hpp"
#include "tests/framework/http/server/rfc9112_service.hpp"

namespace prefork::http::test {
namespace {

using testkit::ServiceTester;
using namespace std::string_literals;

TEST(Rfc9112, MessageParsing) {
  auto tester = ServiceTester::of<Origin>();
  const std::string shanghai = "\xe4\xb8\x8a";  // its code point has the octet of LF in UTF-16
  const std::string broken = "\xc3\n";          // a decoder of UTF-8 might take LF for the second half
  check(
      tester,
      {
          {"2.2",
           "octets are parsed, not characters",
           request_to("GET /field", "X: " + shanghai + "\r\n"),
           {{200, "[" + shanghai + "]"}}},
          {"2.2", "octets that are no UTF-8 too", request_to("GET /field", "X: \xff\xfe\r\n"), {{200, "[\xff\xfe]"}}},
          {"2.2",
           "LF is LF whatever stands before it",
           request_to("GET /field", "X: " + broken + "Y: 1\r\n"),
           {{400}},
           After::closed},
          {"2.2",
           "a bare CR in the request line is invalid",
           "GET /echo HTTP/1.1\rHost: h\r\n\r\n",
           {{400}},
           After::closed},
          {"2.2", "a bare CR in a target is invalid", request_to("GET /ec\rho"), {{400}}, After::closed},
          {"2.2",
           "a bare CR in a field name is invalid",
           request_to("GET /field", "X\r: 1\r\n"),
           {{400}},
           After::closed},
          {"2.2", "a bare CR in a value is invalid", request_to("GET /field", "X: a\rb\r\n"), {{400}}, After::closed},
          {"2.2", "a bare CR before CR LF is invalid", request_to("GET /field", "X: a\r\r\n"), {{400}}, After::closed},
          {"2.2",
           "in content a CR is a byte as others are",
           request_to("POST /echo", "Content-Length: 3\r\n", "a\rb"),
           {{200, "POST a\rb"}}},
          {"2.2",
           "white space before the first field is refused",
           "GET /echo HTTP/1.1\r\n Host: h\r\n\r\n",
           {{400}},
           After::closed},
          {"2.2",
           "a tab before the first field is refused",
           "GET /echo HTTP/1.1\r\n\tX: 1\r\nHost: h\r\n\r\n",
           {{400}},
           After::closed},
          {"2.2",
           "white space alone before the first field is refused",
           "GET /echo HTTP/1.1\r\n \r\nHost: h\r\n\r\n",
           {{400}},
           After::closed},
          {"2.2 (should)",
           "an empty line before the request line is ignored",
           "\r\n" + request_to("GET /echo"),
           {{200, "GET "}}},
          {"2.2 (should)",
           "and so between two requests",
           request_to("POST /echo", "Content-Length: 1\r\n", "a\r\n") + request_to("GET /echo"),
           {{200, "POST a"}, {200, "GET "}}},
          {"2.2 (should)",
           "what is no HTTP is answered with 400 and a close",
           "\x16\x03\x01\x02\x00\x01 hello\r\n"s,
           {{400, {}, {"Connection: close"}}},
           After::closed},
      });
}

TEST(Rfc9112, Version) {
  auto tester = ServiceTester::of<Origin>();
  check(
      tester,
      {
          {"2.3", "the name is case-sensitive", "GET /echo http/1.1\r\nHost: h\r\n\r\n", {{400}}, After::closed},
          {"2.3", "one digit, a point, one digit", "GET /echo HTTP/1.01\r\nHost: h\r\n\r\n", {{400}}, After::closed},
          {"2.3", "a higher minor version is served as 1.1", "GET /echo HTTP/1.9\r\nHost: h\r\n\r\n", {{200, "GET "}}},
          {"9110 2.5",
           "another major version is not served",
           "GET /echo HTTP/2.0\r\nHost: h\r\n\r\n",
           {{505}},
           After::closed},
          {"9110 15.2",
           "an HTTP/1.0 client gets no interim response",
           "POST /echo HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
           {{200, "POST a"}},
           After::closed},
      });
}

TEST(Rfc9112, StatusLine) {
  auto tester = ServiceTester::of<Origin>();
  EXPECT_TRUE(tester.exchange(kProbe).starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(tester.exchange(request_to("GET /status/299")).starts_with("HTTP/1.1 299 \r\n"))
      << "4: the space stays where there is no reason phrase";
  EXPECT_TRUE(tester.exchange("GET /probe HTTP/1.0\r\n\r\n").starts_with("HTTP/1.1 200 OK\r\n"))
      << "9110 2.5 (should): the version that the server conforms to, not the client's";
}

TEST(Rfc9112, Fields) {
  auto tester = ServiceTester::of<Origin>();
  check(
      tester,
      {
          {"5", "names are case-insensitive", request_to("GET /field", "x: 1\r\n"), {{200, "[1]"}}},
          {"5 (9110 5.5)",
           "white space around a value is no part of it",
           request_to("GET /field", "X: \t a b\t \r\n"),
           {{200, "[a b]"}}},
          {"5", "no white space is needed", request_to("GET /field", "X:a\r\n"), {{200, "[a]"}}},
          {"5", "a value may be empty", request_to("GET /field", "X:\r\n"), {{200, "[]"}}},
          {"5.1", "a space before the colon is 400", request_to("GET /field", "X : 1\r\n"), {{400}}, After::closed},
          {"5.1", "a tab before the colon is 400", request_to("GET /field", "X\t: 1\r\n"), {{400}}, After::closed},
          {"5.1", "white space within a name is 400", request_to("GET /field", "X Y: 1\r\n"), {{400}}, After::closed},
          {"5.1", "a name is needed", request_to("GET /field", ": 1\r\n"), {{400}}, After::closed},
          {"5.2", "a folded line is 400", request_to("GET /field", "X: a\r\n b\r\n"), {{400}}, After::closed},
          {"5.2", "so with a tab", request_to("GET /field", "X: a\r\n\tb\r\n"), {{400}}, After::closed},
          {"5.2", "so with nothing but white space", request_to("GET /field", "X: a\r\n \r\n"), {{400}}, After::closed},
          {"5.2", "so in a trailer section", chunked_to("/trailer", "0\r\nX: a\r\n b\r\n\r\n"), {{400}}, After::closed},
          {"9110 5.5", "NUL in a value is 400", request_to("GET /field", "X: a\0b\r\n"s), {{400}}, After::closed},
          {"9110 5.5",
           "NUL in a trailer is 400",
           chunked_to("/trailer", "0\r\nX: a\0b\r\n\r\n"s),
           {{400}},
           After::closed},
          {"9110 5.5", "LF in a value is 400", request_to("GET /field", "X: a\nY: b\r\n"), {{400}}, After::closed},
      });
}

TEST(Rfc9112, FieldsThatAreSent) {
  auto tester = ServiceTester::of<Origin>();
  check(tester, {
                    {"5.2, 9110 5.5",
                     "a value goes out as it is",
                     request_to("GET /set?value=a%20b"),
                     {{200, "set", {"X: a b"}}}},
                    {"2.2", "no bare CR is sent", request_to("GET /set?value=a%0Db"), {{500, {}, {"!X"}}}},
                    {"5.2", "no folded line is sent", request_to("GET /set?value=a%0D%0A%20b"), {{500, {}, {"!X"}}}},
                    {"9110 5.5", "no LF is sent", request_to("GET /set?value=a%0AY:%20b"), {{500, {}, {"!X", "!Y"}}}},
                    {"9110 5.5",
                     "no header section is ended by a value",
                     request_to("GET /set?value=a%0D%0A%0D%0Ab"),
                     {{500, {}, {"!X"}}}},
                });
}

}  // namespace
}  // namespace prefork::http::test
