// Goal: the server meets the requirements of RFC 9112 6 and 7: where a body ends, and transfer codings.
#include "tests/framework/http/rfc_rows.hpp"
#include "tests/framework/http/server/rfc9112_service.hpp"

namespace prefork::http::test {
namespace {

using testkit::ServiceTester;
using namespace std::string_literals;

const std::string kChunked = "Transfer-Encoding: chunked\r\n";
const std::string kHello = "5\r\nhello\r\n0\r\n\r\n";

std::string post(const std::string& fields, const std::string& body) { return request_to("POST /echo", fields, body); }

TEST(Rfc9112, BodiesOfRequests) {
  auto tester = ServiceTester::of<Origin>();
  std::vector<Row> rows = {
      {"6.3", "without a length and a coding there is no body", request_to("POST /echo"), {{200, "POST "}}},
      {"6.2", "Content-Length says where the body ends", post("Content-Length: 5\r\n", "hello"), {{200, "POST hello"}}},
      {"9110 8.6",
       "leading zeros do not change a number",
       post("Content-Length: 00000000000000000000005\r\n", "hello"),
       {{200, "POST hello"}}},
      {"6.1", "chunked says where the body ends", post(kChunked, kHello), {{200, "POST hello"}}},
      {"6.3",
       "a body may look like a request",
       post("Content-Length: 34\r\n", "GET /host HTTP/1.1\r\nHost: evil\r\n\r\n"),
       {{200, "POST GET /host HTTP/1.1\r\nHost: evil\r\n\r\n"}}},
  };
  for (const char* method : {"GET", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
    rows.push_back({"6",
                    "framing does not depend on the method",
                    request_to(method + " /echo"s, "Content-Length: 5\r\n", "hello"),
                    {{200, method + " hello"s}}});
    rows.push_back({"6",
                    "framing does not depend on the method",
                    request_to(method + " /echo"s, kChunked, kHello),
                    {{200, method + " hello"s}}});
  }
  rows.push_back({"6",
                  "so with HEAD",
                  request_to("HEAD /echo", "Content-Length: 5\r\n", "hello"),
                  {{200, {}, {"Content-Length: 10"}, true}}});
  rows.push_back(
      {"6", "so with a method that is not known", request_to("SPAM /echo", "Content-Length: 5\r\n", "hello"), {{501}}});
  rows.push_back({"6", "so where the method is not allowed", request_to("POST /host", kChunked, kHello), {{405}}});
  rows.push_back({"6", "so where there is nothing", request_to("POST /none", kChunked, kHello), {{404}}});
  rows.push_back({"6", "so with OPTIONS *", request_to("OPTIONS *", "Content-Length: 5\r\n", "hello"), {{204}}});
  check(tester, rows);
}

TEST(Rfc9112, FramingThatIsFaulty) {
  auto tester = ServiceTester::of<Origin>();
  std::vector<Row> rows;
  const auto refused = [&](std::string_view section, std::string_view requirement, const std::string& fields,
                           const std::string& start = "POST /echo HTTP/1.1\r\nHost: h\r\n") {
    rows.push_back(
        {section, requirement, start + fields + "\r\n" + kHello, {{400, {}, {"Connection: close"}}}, After::closed});
  };
  refused("6.1", "a length beside a coding ends in a close", "Content-Length: 5\r\n" + kChunked);
  refused("6.1", "whichever comes first", kChunked + "Content-Length: 5\r\n");
  const std::string old = "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\n";
  refused("6.1", "a coding in HTTP/1.0 ends in a close", kChunked, old);
  refused("6.1", "also with a length", kChunked + "Content-Length: 15\r\n", old);
  for (const char* codings : {"gzip", "chunked, gzip", "identity", "chunked, identity", "xchunked", "\"chunked\""})
    refused("6.3", "a coding that does not end in chunked is 400 and a close",
            "Transfer-Encoding: "s + codings + "\r\n");
  refused("6.3", "chunked in an earlier line is not the last coding", kChunked + "Transfer-Encoding: gzip\r\n");
  refused("6.1", "chunked twice is no coding that a sender may use", "Transfer-Encoding: chunked, chunked\r\n");
  refused("7.1 (should)", "chunked has no parameters", "Transfer-Encoding: chunked;a=b\r\n");
  for (const char* length : {"", "five", "-5", "+5", "5.0", "0x5", "5 5", "5;", "5, 6", "5, 5", "18446744073709551616",
                             "18446744073709551621", "99999999999999999999999999999999"})
    refused("6.3, 9110 8.6", "an invalid length is 400 and a close; a number too large is not cut off",
            "Content-Length: "s + length + "\r\n");
  refused("9110 8.6", "two lengths are 400 and a close", "Content-Length: 5\r\nContent-Length: 6\r\n");
  refused("9110 8.6", "also two that are the same", "Content-Length: 5\r\nContent-Length: 5\r\n");
  rows.push_back({"6.1 (should)",
                  "a coding that is not known is 501",
                  post("Transfer-Encoding: gzip, chunked\r\n", ""),
                  {{501}},
                  After::closed});
  check(tester, rows);
  EXPECT_EQ(static_cast<Origin&>(tester.service()).echoed, 0);
}

TEST(Rfc9112, BodiesThatAreIncomplete) {
  auto tester = ServiceTester::of<Origin>();
  const auto cut = After::client_end;
  check(tester,
        {
            {"6.3, 8", "a body shorter than its length is no request", post("Content-Length: 6\r\n", "hello"), {}, cut},
            {"6.3, 8", "a coded body without its last chunk is no request", post(kChunked, "5\r\nhello\r\n"), {}, cut},
            {"8", "nor one without the end of its trailers", post(kChunked, "0\r\n"), {}, cut},
            {"8", "nor is a header section without its end", "GET /echo HTTP/1.1\r\nHost: h\r\n", {}, cut},
            {"6.3, 8",
             "a handler that reads the body is told",
             request_to("POST /streamed", "Content-Length: 6\r\n", "hello"),
             {{400, {}, {"Connection: close"}}},
             cut},
        });
  auto hasty = ServiceTester::of<Origin>({{"body-timeout", "30ms"}});
  check(hasty, {
                   {"6.3",
                    "a body that does not come in time ends in a close",
                    post("Content-Length: 6\r\n", "hello"),
                    {{408, {}, {"Connection: close"}}},
                    After::closed},
                   {"6.3",
                    "so with a handler that reads the body",
                    request_to("POST /streamed", kChunked, "5\r\nhel"),
                    {{408, {}, {"Connection: close"}}},
                    After::closed},
               });
  EXPECT_EQ(static_cast<Origin&>(tester.service()).echoed + static_cast<Origin&>(hasty.service()).echoed, 0);
}

TEST(Rfc9112, Chunks) {
  auto tester = ServiceTester::of<Origin>();
  std::vector<Row> rows;
  const auto decoded = [&](std::string_view section, std::string_view requirement, const std::string& body,
                           const std::string& content = "hello") {
    rows.push_back({section, requirement, chunked_to("/echo", body), {{200, "POST " + content}}});
    rows.push_back({section, requirement, chunked_to("/streamed", body), {{200, "streamed " + content}}});
  };
  decoded("7.1", "one chunk", kHello);
  decoded("7.1", "several chunks are one body", "1\r\nh\r\n4\r\nello\r\n0\r\n\r\n");
  decoded("7.1", "no chunk but the last", "0\r\n\r\n", "");
  decoded("7.1", "sizes are hexadecimal, in both cases", "a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
          "01234567890123456789a");
  decoded("7.1", "zeros before a size do not change it", "00000000000000000000005\r\nhello\r\n0\r\n\r\n");
  decoded("7.1", "the last chunk may have several zeros", "5\r\nhello\r\n00000000000000000000\r\n\r\n");
  decoded("7.1", "data may hold what looks like a chunk", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n");
  for (const char* extension : {";a", ";a=b", ";a=\"b;c\"", ";a;b=c;d", " ; a = b ", "\t;a", ";a=\"\\\"\""})
    decoded("7.1.1", "an extension that is not known is ignored",
            "5"s + extension + "\r\nhello\r\n0" + extension + "\r\n\r\n");
  rows.push_back({"7",
                  "names of codings are case-insensitive",
                  post("Transfer-Encoding: ChUnKeD\r\n", kHello),
                  {{200, "POST hello"}}});
  rows.push_back({"7.1.2",
                  "a trailer field is kept apart from the header section",
                  chunked_to("/trailer", "5\r\nhello\r\n0\r\nX: late\r\n\r\n"),
                  {{200, "header none, trailer late"}}});
  rows.push_back({"7.1.2",
                  "and does not replace a header field",
                  request_to("POST /trailer", "X: early\r\n" + kChunked, "0\r\nX: late\r\n\r\n"),
                  {{200, "header early, trailer late"}}});
  check(tester, rows);
}

TEST(Rfc9112, ChunksThatAreMalformed) {
  auto tester = ServiceTester::of<Origin>();
  std::vector<Row> rows;
  const auto refused = [&](std::string_view section, std::string_view requirement, const std::string& body,
                           unsigned status = 400) {
    for (const char* target : {"/echo", "/streamed"})
      rows.push_back(
          {section, requirement, chunked_to(target, body), {{status, {}, {"Connection: close"}}}, After::closed});
  };
  for (const char* size : {"", "x", "-5", "+5", "0x5", "5 5", "5,5", "5\v"})
    refused("7.1", "a size is of hexadecimal digits", size + "\r\nhello\r\n0\r\n\r\n"s);
  for (const char* size : {"10000000000000000", "10000000000000005", "fffffffffffffffffffffffffffffff5"})
    refused("7.1", "a size beyond 64 bits is not cut off", size + "\r\nhello\r\n0\r\n\r\n"s);
  for (const char* size : {"7fffffffffffffff", "8000000000000000", "ffffffffffffffff"})
    refused("7.1", "a size beyond what is taken is not added up", "5\r\nhello\r\n"s + size + "\r\nhello\r\n", 413);
  refused("7.1", "data is as long as its size", "4\r\nhello\r\n0\r\n\r\n");
  refused("7.1", "data ends in CR LF", "5\r\nhello\n0\r\n\r\n");
  refused("2.2", "a bare CR in a size line", "5\rhello\r\n0\r\n\r\n");
  refused("2.2", "a bare CR in a trailer", "0\r\nX: a\rb\r\n\r\n");
  refused("7.1.1", "extensions are limited", "5;" + std::string(20'000, 'a') + "\r\nhello\r\n0\r\n\r\n");
  for (const char* name : {"Content-Length: 5", "Transfer-Encoding: chunked", "Host: evil", "Content-Type: a/b"})
    refused("7.1.2, 9110 6.5.1", "a trailer can't say what is known by then", "0\r\n"s + name + "\r\n\r\n");
  check(tester, rows);
}

TEST(Rfc9112, BodiesOfResponses) {
  auto tester = ServiceTester::of<Origin>();
  const std::string chunked = "Transfer-Encoding: chunked";
  std::vector<Row> rows = {
      {"6.1, 6.2",
       "a body of unknown length is chunked, and has no length",
       request_to("GET /rows"),
       {{200, "one two", {chunked, "!Content-Length"}}}},
      {"6.1",
       "no coding for HTTP/1.0: the close ends the body",
       "GET /rows HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
       {{200, "one two", {"!Transfer-Encoding", "!Content-Length", "Connection: close"}}},
       After::closed},
      {"6.1", "so for HEAD", "HEAD /rows HTTP/1.0\r\n\r\n", {{200, "", {"!Transfer-Encoding"}, true}}, After::closed},
      {"6.3", "HEAD has no body, whatever the fields say", request_to("HEAD /rows"), {{200, "", {}, true}}},
      {"6.3", "so with a length", request_to("HEAD /probe"), {{200, "", {"Content-Length: 5"}, true}}},
      {"6.3", "so where there is an error", request_to("HEAD /none"), {{404, "", {}, true}}},
      {"6.1, 9110 15.2", "an interim status is no answer", request_to("GET /status/103"), {{500}}},
      {"9110 15.3.6", "205 has no content", request_to("GET /status/205/stream"), {{205, "", {"!Transfer-Encoding"}}}},
  };
  for (const char* target : {"/status/204", "/status/204/stream"})
    rows.push_back({"6.1, 9110 8.6",
                    "204 has no coding, no length, no body",
                    request_to("GET "s + target),
                    {{204, "", {"!Transfer-Encoding", "!Content-Length"}}}});
  for (const char* target : {"/status/304", "/status/304/stream"})
    rows.push_back({"6.3, 9110 8.6",
                    "304 has no body, and no length that is not the one of 200",
                    request_to("GET "s + target),
                    {{304, "", {"!Content-Length"}}}});
  check(tester, rows);
}

}  // namespace
}  // namespace prefork::http::test
