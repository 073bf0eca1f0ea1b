// Goal: the server meets the requirements of RFC 9112 9: which connections persist, what is answered, in which order.
#include "tests/framework/http/rfc_rows.hpp"
#include "tests/framework/http/server/rfc9112_service.hpp"

namespace prefork::http::test {
namespace {

using testkit::ServiceTester;

TEST(Rfc9112, Persistence) {
  auto tester = ServiceTester::of<Origin>();
  const std::string body = "Content-Length: 5\r\n";
  check(tester, {
                    {"9.3", "HTTP/1.1 persists", request_to("GET /echo"), {{200, "GET ", {"!Connection"}}}},
                    {"9.3",
                     "HTTP/1.0 does not",
                     "GET /echo HTTP/1.0\r\n\r\n",
                     {{200, "GET ", {"Connection: close"}}},
                     After::closed},
                    {"9.3",
                     "HTTP/1.0 persists where it asks for it and is told so",
                     "GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                     {{200, "GET ", {"Connection: keep-alive"}}}},
                    {"9.3",
                     "a body that nobody reads ends in a close, not in a request",
                     request_to("POST /unread", body, "GET /"),
                     {{200, "unread", {"Connection: close"}}},
                     After::closed},
                    {"9.3",
                     "so where it has not come yet",
                     request_to("POST /unread", body),
                     {{200, "unread", {"Connection: close"}}},
                     After::closed},
                    {"9.3",
                     "so where it is coded",
                     chunked_to("/unread", "5\r\nhello\r\n"),
                     {{200, "unread", {"Connection: close"}}},
                     After::closed},
                    {"9.3",
                     "without a body there is nothing to read",
                     request_to("POST /unread", "Content-Length: 0\r\n"),
                     {{200, "unread", {"!Connection"}}}},
                    {"9.3, 9110 10.1.1",
                     "a body that was not asked for is not waited for",
                     request_to("POST /none", "Expect: 100-continue\r\n" + body),
                     {{404, {}, {"Connection: close"}}},
                     After::closed},
                    {"9110 10.1.1",
                     "a body that is wanted is asked for, and the answer follows",
                     request_to("POST /echo", "Expect: 100-continue\r\n" + body),
                     {{100}},
                     After::client_end},
                });
}

TEST(Rfc9112, PipelinedRequests) {
  auto tester = ServiceTester::of<Origin>();
  check(tester,
        {
            {"9.3.2",
             "answers come in the order of the requests",
             request_to("GET /host") + request_to("POST /echo", "Content-Length: 1\r\n", "a") +
                 request_to("HEAD /rows") + request_to("GET /echo"),
             {{200, "h"}, {200, "POST a"}, {200, "", {}, true}, {200, "GET "}}},
            {"9.3.2",
             "also where the first takes longest",
             request_to("GET /slow") + request_to("GET /rows") + request_to("GET /slow") + request_to("GET /echo"),
             {{200, "slow"}, {200, "one two"}, {200, "slow"}, {200, "GET "}}},
            {"9.3.2",
             "also behind a body that a handler reads",
             chunked_to("/streamed", "5\r\nhello\r\n0\r\n\r\n") + request_to("GET /host"),
             {{200, "streamed hello"}, {200, "h"}}},
        });
}

TEST(Rfc9112, TearDown) {
  auto tester = ServiceTester::of<Origin>();
  const std::string close = "Connection: close\r\n";
  const std::string next = request_to("GET /echo");
  const std::vector<std::string> said = {"Connection: close"};
  check(tester, {
                    {"9.6",
                     "a client's close is obeyed, and told",
                     request_to("GET /host", close),
                     {{200, "h", said}},
                     After::closed},
                    {"9.6",
                     "in any case, among other options",
                     request_to("GET /host", "Connection: a, CLOSE ,b\r\n"),
                     {{200, "h", said}},
                     After::closed},
                    {"9.6",
                     "in any of its lines",
                     request_to("GET /host", "Connection: keep-alive\r\n" + close),
                     {{200, "h", said}},
                     After::closed},
                    {"9110 5.6.1.2",
                     "empty members of a list are nothing",
                     request_to("GET /host", "Connection: ,, close,\r\n"),
                     {{200, "h", said}},
                     After::closed},
                    {"9.6",
                     "in HTTP/1.0 too",
                     "GET /host HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
                     {{200, "", said}},
                     After::closed},
                    {"9.6",
                     "nothing after a client's close is answered",
                     request_to("GET /host", close) + next,
                     {{200, "h", said}},
                     After::closed},
                    {"9.6",
                     "so where the answer takes long",
                     request_to("GET /slow", close) + next,
                     {{200, "slow", said}},
                     After::closed},
                    {"9.6",
                     "so where the answer is chunked",
                     request_to("GET /rows", close) + next,
                     {{200, "one two", said}},
                     After::closed},
                    {"9.6",
                     "so where the answer has no body",
                     request_to("HEAD /rows", close) + next,
                     {{200, "", said, true}},
                     After::closed},
                    {"9.6",
                     "so where a handler reads the body",
                     request_to("POST /streamed", close + "Content-Length: 1\r\n", "a") + next,
                     {{200, "streamed a", said}},
                     After::closed},
                    {"9.6",
                     "nothing after the server's close is answered",
                     request_to("GET /bye") + next,
                     {{200, "bye", said}},
                     After::closed},
                    {"9.6",
                     "nothing after a request that is refused is answered",
                     request_to("GET /echo", "X : 1\r\n") + next,
                     {{400, {}, said}},
                     After::closed},
                });
  EXPECT_EQ(static_cast<Origin&>(tester.service()).echoed, 0) << "a request after the close was processed";
}

}  // namespace
}  // namespace prefork::http::test
