// Goal: answers meet the requirements of RFC 9110 whatever a service does: HEAD, Upgrade, the path of a target.
#include "tests/framework/http/rfc_rows.hpp"
#include "tests/framework/http/server/rfc9112_service.hpp"

namespace prefork::http::test {
namespace {

using testkit::ServiceTester;

/// The answer to a HEAD that is refused: nothing follows its header section, and the connection closes.
Row refused(std::string_view section, std::string_view requirement, std::string request, unsigned status) {
  return {section, requirement, std::move(request), {{status, "", {"Connection: close"}, true}}, After::closed};
}

TEST(Rfc9110, HeadThatIsRefusedHasNoContent) {
  auto tester = ServiceTester::of<Origin>({{"max-body-bytes", "10"}});
  const std::string blanks(40'000, 'x');
  check(tester,
        {
            refused("9.3.2", "400, without Host", "HEAD /echo HTTP/1.1\r\n\r\n", 400),
            refused("9.3.2", "400, the path", request_to("HEAD /%zz"), 400),
            refused("9.3.2", "400, the target", "HEAD echo HTTP/1.1\r\nHost: h\r\n\r\n", 400),
            refused("9.3.2", "400, the chunks of its body", chunked_to("/echo", "x\r\n").replace(0, 4, "HEAD"), 400),
            refused("9.3.2", "400, behind an empty line", "\r\nHEAD /echo HTTP/1.1\r\nA\r\n\r\n", 400),
            refused("9.3.2", "413", request_to("HEAD /echo", "Content-Length: 11\r\n"), 413),
            refused("9.3.2", "414", "HEAD /" + blanks, 414),
            refused("9.3.2", "417", request_to("HEAD /echo", "Expect: tea\r\n"), 417),
            refused("9.3.2", "431, too long", request_to("HEAD /echo", "A: " + blanks + "\r\n"), 431),
            refused("9.3.2", "501, a coding", request_to("HEAD /echo", "Transfer-Encoding: gzip, chunked\r\n"), 501),
            refused("9.3.2", "505", "HEAD /echo HTTP/2.0\r\nHost: h\r\n\r\n", 505),
            {"9.3.2", "404", request_to("HEAD /none"), {{404, "", {}, true}}},
            {"9.3.2", "426", request_to("HEAD /socket"), {{426, "", {}, true}}},
            {"9.3.2",
             "behind others, and only there",
             request_to("GET /host") + "HEAD / HTTP/1.1\r\n\r\n",
             {{200, "h"}, {400, "", {}, true}},
             After::closed},
            {"9.3.2",
             "GET has it",
             "GET / HTTP/1.1\r\n\r\n",
             {{400, "The Host field is missing.\n", {"Connection: close"}}},
             After::closed},
        });
}

TEST(Rfc9110, HeadThatIsLateHasNoContent) {
  auto tester = ServiceTester::of<Origin>({{"header-timeout", "20ms"}, {"body-timeout", "20ms"}});
  check(tester, {
                    refused("9.3.2", "408, of the header section", "HEAD /echo HT", 408),
                    refused("9.3.2", "408, of the body", request_to("HEAD /echo", "Content-Length: 5\r\n"), 408),
                    {"15.5.9", "GET has it", "GET /echo HT", {{408, "408 Request Timeout\n"}}, After::closed},
                });
}

TEST(Rfc9110, UpgradeIsNamedInConnection) {
  auto tester = ServiceTester::of<Origin>();
  const std::string handshake = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n";
  check(tester, {
                    {"7.8, 15.5.22",
                     "426 names the protocol, and Connection names Upgrade",
                     request_to("GET /socket"),
                     {{426, {}, {"Upgrade: websocket", "Connection: Upgrade"}}}},
                    {"7.8, 6455 4.4",
                     "also where the version is wrong",
                     request_to("GET /socket", handshake),
                     {{426, {}, {"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"}}}},
                    {"7.8",
                     "also where the connection closes",
                     request_to("GET /socket", "Connection: close\r\n"),
                     {{426, {}, {"Upgrade: websocket", "Connection: Upgrade, close"}}},
                     After::closed},
                    {"7.8",
                     "also where it is kept by HTTP/1.0",
                     "GET /socket HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n",
                     {{426, {}, {"Upgrade: websocket", "Connection: Upgrade, keep-alive"}}}},
                });
}

TEST(Rfc9110, DotSegmentsAreResolved) {
  auto tester = ServiceTester::of<Origin>();
  check(tester,
        {
            {"4.2.3, 3986 5.2.4",
             "before a route is looked for",
             request_to("GET /none/../path/a/./b/.."),
             {{200, "/path/a/ a/"}}},
            {"3986 6.2.2.2", "also escaped ones", request_to("GET /none/%2e%2E/path/x"), {{200, "/path/x x"}}},
            {"3986 5.2.4", "above the root there is nothing", request_to("GET /../../path/x"), {{200, "/path/x x"}}},
            {"3986 5.2.4", "a path that leads elsewhere", request_to("GET /path/../host"), {{200, "h"}}},
            {"3986 2.2",
             "an escaped slash divides no segments",
             request_to("GET /path/..%2fhost"),
             {{200, "/path/..%2fhost ../host"}}},
            {"3986 3.4", "a query has none", request_to("GET /path/x?/../"), {{200, "/path/x x"}}},
            {"3986 5.2.4",
             "behind a handler that waits for its body",
             request_to("POST /none/../streamed", "Content-Length: 1\r\n", "a"),
             {{200, "streamed a"}}},
        });
}

}  // namespace
}  // namespace prefork::http::test
