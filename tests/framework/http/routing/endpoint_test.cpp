#include "framework/http/routing/endpoint.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "framework/http/routing/dispatch.hpp"
#include "framework/http/wire/parser.hpp"
#include "tests/framework/http/wire/messages.hpp"

namespace prefork::http::test {
namespace {

Response nothing(Request&) { return Response(); }

Router router_with(std::initializer_list<const char*> patterns) {
  Router router;
  for (const char* pattern : patterns) router.get(pattern, nothing);
  return router;
}

/// A request line taken through parser and dispatch.
struct Dispatched {
  Dispatched(const Endpoint& endpoint, const std::string& request_line)
      : bytes(request_line + " HTTP/1.1\r\nHost: h\r\n\r\n") {
    state.head.fields = room.fields.data();
    ParseState parse;
    EXPECT_EQ(parse_head(bytes, Limits{}, parse, state.head).result, ParseResult::complete) << bytes;
    found = dispatch(endpoint, state);
  }
  std::string mount() const { return state.mount == nullptr ? "none" : state.mount->prefix; }
  std::string bytes;
  Room room;
  RequestState state;
  Dispatch found;
};

TEST(Endpoint, TheLongestMountAtASegmentBoundaryWins) {
  Endpoint endpoint;
  for (const char* path : {"/a", "/", "/a/b/", "/ab"}) endpoint.mount(path, router_with({"/{x...}"}), {}, nullptr);
  const auto prefix = [&](const char* path) { return endpoint.find(path)->prefix; };
  EXPECT_EQ(prefix("/"), "");
  EXPECT_EQ(prefix("/x/a"), "");
  EXPECT_EQ(prefix("/a"), "/a");
  EXPECT_EQ(prefix("/a/"), "/a");
  EXPECT_EQ(prefix("/a/bc"), "/a");
  EXPECT_EQ(prefix("/a/b"), "/a/b");
  EXPECT_EQ(prefix("/a/b/c"), "/a/b");
  EXPECT_EQ(prefix("/ab"), "/ab");
  EXPECT_EQ(prefix("/abc"), "");
}

TEST(Endpoint, TheHostThatFitsBestWins) {
  Endpoint endpoint;
  const auto add = [&](const char* path, const char* hosts) {
    endpoint.mount({path, HostNames(hosts)}, router_with({"/{x...}"}), {}, nullptr);
  };
  for (const char* hosts : {"example.org, www.example.org", "*.example.org", "*.deep.example.org"}) add("/", hosts);
  add("/a", "example.org");
  const auto found = [&](const char* path, const char* host) {
    const Mount* mount = endpoint.find(path, host);
    return mount == nullptr ? "none" : std::to_string(mount->hosts.fit(plain_host(host))) + mount->prefix;
  };
  const std::string exact = std::to_string(SIZE_MAX);
  EXPECT_EQ(found("/a", "example.org"), exact + "/a");
  EXPECT_EQ(found("/b", "EXAMPLE.org.:8080"), exact);
  EXPECT_EQ(found("/a", "www.example.org"), exact) << "the name's own services only";
  EXPECT_EQ(found("/", "x.example.org"), "13");
  EXPECT_EQ(found("/", "x.y.deep.example.org"), "18");
  EXPECT_EQ(found("/", "badexample.org"), "none");
  EXPECT_FALSE(endpoint.serves("other.org"));
  EXPECT_EQ(Dispatched(endpoint, "GET /").found.status, Status::misdirected_request);
  add("/only", "");
  EXPECT_TRUE(endpoint.serves("other.org"));
  EXPECT_EQ(found("/only", "other.org"), "1/only");
  EXPECT_EQ(found("/only", "[::1]:80"), "1/only");
  EXPECT_EQ(Dispatched(endpoint, "GET /").found.status, Status::not_found);
  EXPECT_THROW(add("/a/", "example.net example.org"), std::invalid_argument);
  EXPECT_THROW(add("/only", ""), std::invalid_argument);
}

TEST(HostNames, RefuseWhatIsNone) {
  for (const char* list : {"*", "*.", "a:80", "a b*c", ".example.org", "*.*.org", "a/b", "example.org."}) {
    EXPECT_THROW(HostNames{list}, std::invalid_argument) << list;
  }
  EXPECT_TRUE(HostNames(" , ").any());
}

TEST(Endpoint, WithoutARootMountSomePathsHaveNone) {
  Endpoint endpoint;
  endpoint.mount("/a", router_with({"/"}), {}, nullptr);
  EXPECT_EQ(endpoint.find("/"), nullptr);
  EXPECT_EQ(endpoint.find("/ab"), nullptr);
  EXPECT_EQ(Dispatched(endpoint, "GET /b").found.status, Status::not_found);
}

TEST(Endpoint, RefusesMalformedAndTakenMounts) {
  Endpoint endpoint;
  endpoint.mount("/a", Router(), {}, nullptr);
  for (const char* path : {"", "a", "/a", "/a/", "//", "/a//b", "/..", "/a/./b", "/a%20", "/a?b", "/{a}"})
    EXPECT_THROW(endpoint.mount(path, Router(), {}, nullptr), std::invalid_argument) << path;
}

TEST(Endpoint, TellsPlacesApart) {
  const auto same = [](const Place& one, const Place& other) {
    EXPECT_EQ(same_place(one, other), same_place(other, one));
    return same_place(one, other);
  };
  EXPECT_TRUE(same("/", "/"));
  EXPECT_TRUE(same("/a", "/a/"));
  EXPECT_FALSE(same("/a", "/ab"));
  EXPECT_TRUE(same({"/a", HostNames("a.org b.org")}, {"/a", HostNames("B.org")}));
  EXPECT_FALSE(same({"/a", HostNames("a.org")}, {"/a", HostNames("*.org")}));
  EXPECT_FALSE(same({"/a", HostNames("a.org")}, "/a"));
}

TEST(Endpoint, HasTheWidestLimits) {
  Endpoint endpoint;
  HttpOptions narrow, wide;
  narrow.limits = {10, 10, 10, 10};
  wide.limits = {5, 20, 5, 20};
  endpoint.mount("/a", Router(), narrow, nullptr);
  EXPECT_EQ(endpoint.options().limits.body_bytes, 10U);
  endpoint.mount("/b", Router(), wide, nullptr);
  EXPECT_EQ(endpoint.options().limits.request_line_bytes, 10U);
  EXPECT_EQ(endpoint.options().limits.header_bytes, 20U);
  EXPECT_EQ(endpoint.options().limits.body_bytes, 20U);
}

TEST(Dispatch, RoutesAreRelativeToTheMount) {
  Endpoint endpoint;
  endpoint.mount("/hello", router_with({"/", "/{name}"}), {}, nullptr);
  EXPECT_NE(Dispatched(endpoint, "GET /hello").found.handler, nullptr);
  EXPECT_NE(Dispatched(endpoint, "GET /hello/").found.handler, nullptr);
  EXPECT_EQ(Dispatched(endpoint, "GET /hello//").found.handler, nullptr);
  EXPECT_EQ(Dispatched(endpoint, "GET /hellox").state.mount, nullptr);
  const Dispatched named(endpoint, "GET /hello/world?q=1");
  EXPECT_EQ(named.state.as_request().param("name"), "world");
  EXPECT_EQ(named.state.as_request().path(), "/hello/world");
  EXPECT_THROW(named.state.as_request().param("other"), std::out_of_range);
}

// RFC 3986 2.1, 6.2.2.2
TEST(Dispatch, DecodesEscapes) {
  Endpoint endpoint;
  endpoint.mount("/hello", router_with({"/a b", "/{x}/{y}"}), {}, nullptr);
  EXPECT_NE(Dispatched(endpoint, "GET /h%65llo/a%20b").found.handler, nullptr);
  const Dispatched two(endpoint, "GET /hello/%3Cb%3E%2F/%25%32%46");
  ASSERT_NE(two.found.handler, nullptr);
  EXPECT_EQ(two.state.as_request().param("x"), "<b>/");
  EXPECT_EQ(two.state.as_request().param("y"), "%2F");
  EXPECT_EQ(two.state.as_request().path(), "/hello/%3Cb%3E%2F/%25%32%46");
}

TEST(Dispatch, ResolvesDotSegmentsBeforeItLooksForAMount) {
  Endpoint endpoint;
  for (const char* path : {"/", "/a", "/b"}) endpoint.mount(path, router_with({"/{x...}"}), {}, nullptr);
  struct Row {
    const char* path;
    const char* seen;
    const char* mount;
    const char* param;
  };
  for (const Row& row : {Row{"/a/../b/c", "/b/c", "/b", "c"}, Row{"/a/%2e%2e/%2E%2e/b/c", "/b/c", "/b", "c"},
                         Row{"/a/b/..", "/a/", "/a", ""}, Row{"/..", "/", "", ""}, Row{"/../../a/x", "/a/x", "/a", "x"},
                         Row{"http://h/a/./%41", "/a/%41", "/a", "A"}, Row{"/a/..%2fb", "/a/..%2fb", "/a", "../b"}}) {
    const Dispatched one(endpoint, std::string("GET ") + row.path + "?q=/../");
    EXPECT_EQ(one.found.refusal, nullptr) << row.path;
    EXPECT_EQ(one.state.as_request().path(), row.seen);
    EXPECT_EQ(one.state.as_request().query(), "q=/../");
    EXPECT_EQ(one.mount(), row.mount) << row.path;
    EXPECT_EQ(one.state.as_request().param("x"), row.param) << row.path;
  }
}

TEST(Dispatch, RefusesBadEscapes) {
  Endpoint endpoint;
  endpoint.mount("/", router_with({"/{x...}"}), {}, nullptr);
  for (const char* path : {"/%", "/%zz", "/%00", "/a%0"})
    EXPECT_EQ(Dispatched(endpoint, std::string("GET ") + path).found.refusal, &refusals::kPathEscape) << path;
  EXPECT_EQ(Dispatched(endpoint, "GET /a?../%zz").found.refusal, nullptr);
  EXPECT_EQ(Dispatched(endpoint, "GET /a.b/...").found.refusal, nullptr);
}

// RFC 9110 9.1, 9.3.7, 15.5.6, 15.6.2
TEST(Dispatch, AnswersWithoutAHandler) {
  Endpoint endpoint;
  endpoint.mount("/", router_with({"/a"}), {}, nullptr);
  const auto answer = [&](const char* line) { return answer_without_handler(Dispatched(endpoint, line).found); };
  EXPECT_EQ(answer("GET /b").status(), Status::not_found);
  EXPECT_EQ(answer("BREW /a").status(), Status::not_implemented);
  const Response not_allowed = answer("POST /a");
  EXPECT_EQ(not_allowed.status(), Status::method_not_allowed);
  EXPECT_EQ(not_allowed.header("allow"), "GET, HEAD, OPTIONS");
  const Response options = answer("OPTIONS /a");
  EXPECT_EQ(options.status(), Status::no_content);
  EXPECT_EQ(options.header("Allow"), "GET, HEAD, OPTIONS");
  const Response star = answer("OPTIONS *");
  EXPECT_EQ(star.status(), Status::no_content);
  EXPECT_EQ(star.header("Allow"), "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
}

TEST(Request, ReadsHeadersAndQuery) {
  Endpoint endpoint;
  endpoint.mount("/", router_with({"/a"}), {}, nullptr);
  const Dispatched get(endpoint, "GET /a?x=1&y=a+b%26c&z&x=2&bad=%zz&%71=7");
  const Request request = get.state.as_request();
  EXPECT_EQ(request.header("HOST"), "h");
  EXPECT_EQ(request.header("Accept"), std::nullopt);
  EXPECT_EQ(request.header_count(), 1U);
  EXPECT_EQ(request.header_at(0).name, "Host");
  EXPECT_EQ(request.query_param("x"), "1");
  EXPECT_EQ(request.query_param("y"), "a b&c");
  EXPECT_EQ(request.query_param("z"), "");
  EXPECT_EQ(request.query_param("q"), "7");
  EXPECT_EQ(request.query_param("bad"), std::nullopt);
  EXPECT_EQ(request.query_param("none"), std::nullopt);
}

}  // namespace
}  // namespace prefork::http::test
