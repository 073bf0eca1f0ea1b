// Goal: the server meets the requirements of RFC 9112 3: the request line, its target and Host.
#include "tests/framework/http/rfc_rows.hpp"
#include "tests/framework/http/server/rfc9112_service.hpp"

namespace prefork::http::test {
namespace {

using testkit::ServiceTester;

TEST(Rfc9112, RequestLine) {
  auto tester = ServiceTester::of<Origin>({{"max-request-line", "8KiB"}});
  check(tester, {
                    {"3",
                     "a target that is too long is 414",
                     request_to("GET /" + std::string(9000, 'a')),
                     {{414}},
                     After::closed},
                    {"3 (recommended)",
                     "a request line of 8000 bytes is served",
                     request_to("GET /echo?" + std::string(8000 - 19, 'a')),
                     {{200, "GET "}}},
                    {"3.1", "the method is case-sensitive", request_to("get /echo"), {{501}}},
                    {"3.1", "the method is a token", request_to("GE(T /echo"), {{400}}, After::closed},
                    {"3.2", "no white space in the target", request_to("GET /echo /echo"), {{400}}, After::closed},
                    {"3.2 (should not)",
                     "an invalid request line is not put right",
                     request_to("GET  /echo"),
                     {{400}},
                     After::closed},
                });
}

TEST(Rfc9112, Host) {
  auto tester = ServiceTester::of<Origin>();
  check(tester,
        {
            {"3.2", "an HTTP/1.1 request without Host is 400", "GET /echo HTTP/1.1\r\n\r\n", {{400}}, After::closed},
            {"3.2",
             "also with a target that names the host",
             "GET http://h/echo HTTP/1.1\r\n\r\n",
             {{400}},
             After::closed},
            {"3.2", "two Host lines are 400", request_to("GET /echo", "Host: h\r\n"), {{400}}, After::closed},
            {"3.2",
             "two Host lines are 400 in HTTP/1.0",
             "GET /echo HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
             {{400}},
             After::closed},
            {"3.2", "an invalid Host is 400", "GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n", {{400}}, After::closed},
            {"3.2",
             "a Host with user information is 400",
             "GET /echo HTTP/1.1\r\nHost: u@h\r\n\r\n",
             {{400}},
             After::closed},
            {"3.2", "a Host with a path is 400", "GET /echo HTTP/1.1\r\nHost: h/a\r\n\r\n", {{400}}, After::closed},
            {"3.2",
             "a Host with a bad port is 400",
             "GET /echo HTTP/1.1\r\nHost: h:port\r\n\r\n",
             {{400}},
             After::closed},
            {"3.2",
             "an invalid Host is 400 beside a target that names the host",
             "GET http://h/echo HTTP/1.1\r\nHost: a b\r\n\r\n",
             {{400}},
             After::closed},
            {"3.2",
             "an invalid Host is 400 in HTTP/1.0",
             "GET /echo HTTP/1.0\r\nHost: a b\r\n\r\n",
             {{400}},
             After::closed},
            {"3.2", "an empty Host is valid", "GET /host HTTP/1.1\r\nHost:\r\n\r\n", {{200, ""}}},
            {"3.2", "HTTP/1.0 needs no Host", "GET /host HTTP/1.0\r\n\r\n", {{200, ""}}, After::closed},
        });
}

TEST(Rfc9112, TargetForms) {
  auto tester = ServiceTester::of<Origin>();
  check(
      tester,
      {
          {"3.2.1", "origin-form", request_to("GET /host?a=b"), {{200, "h"}}},
          {"3.2.2", "absolute-form is accepted", request_to("GET http://h/probe"), {{200, "probe"}}},
          {"3.2.2", "its scheme is case-insensitive", request_to("GET HTTP://h/probe"), {{200, "probe"}}},
          {"3.2.2",
           "its authority counts, Host does not",
           request_to("GET http://target.example:81/host"),
           {{200, "target.example:81"}}},
          {"3.2.2",
           "so in HTTP/1.0 without Host",
           "GET http://target.example/host HTTP/1.0\r\n\r\n",
           {{200, "target.example"}},
           After::closed},
          {"3.3, 9110 7.4", "https is not served where no TLS was", request_to("GET https://h/probe"), {{421}}},
          {"3.3, 9110 7.4", "whatever its case", request_to("GET HTTPS://h/probe"), {{421}}},
          {"3.3, 9110 7.4",
           "nor to who only says that it has spoken TLS",
           request_to("GET https://h/probe", "X-Forwarded-Proto: https\r\n"),
           {{421}}},
          {"3.2.3",
           "authority-form is for CONNECT, which an origin server need not know",
           request_to("CONNECT h:80"),
           {{501}},
           After::closed},
          {"3.2.3", "authority-form with another method is no target", request_to("GET h:80"), {{400}}, After::closed},
          {"3.2.4", "asterisk-form asks about the server", request_to("OPTIONS *"), {{204, "", {"Allow"}}}},
          {"3.2.4", "asterisk-form is for OPTIONS only", request_to("GET *"), {{400}}, After::closed},
      });
}

TEST(Rfc9112, TargetsOfATrustedGateway) {
  auto tester = ServiceTester::of<Origin>({{"trusted-proxies", "unix 127.0.0.1"}});
  check(tester, {{"3.3, 9110 7.4",
                  "a trusted gateway has spoken TLS with the client",
                  request_to("GET https://h/host"),
                  {{200, "h"}}}});
}

}  // namespace
}  // namespace prefork::http::test
