#include <prefork/http/router.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

#include "framework/http/routing/route_table.hpp"

namespace prefork::http {
namespace {

/// A handler that can be told from the others by its answer.
auto says(std::string text) {
  return [text](Request&) { return Response::text(text); };
}

std::string call(const Route& route) {
  RequestState state;
  Request request = state.as_request();
  return std::string(std::get<FunctionHandler>(route.handler)(request).body());
}

/// "text a=1 b=2" of the route that is found, or "404", or "405 METHODS".
std::string find(const Router& router, std::string_view path, Method method = Method::get) {
  RouteMatch match;
  RouteTable::of(router).find(method, path, match);
  if (match.route == nullptr) return match.allow == 0 ? "404" : "405 " + allow_list(match.allow);
  std::string text = call(*match.route);
  for (std::size_t i = 0; i < match.value_count; ++i)
    text.append(" ").append(match.route->names[i]).append("=").append(match.values[i]);
  return text;
}

TEST(Router, FindsLiterals) {
  Router router;
  router.get("/", says("root")).get("/a", says("a")).get("/a/", says("a/")).get("/a/b", says("ab"));
  EXPECT_EQ(find(router, "/"), "root");
  EXPECT_EQ(find(router, "/a"), "a");
  EXPECT_EQ(find(router, "/a/"), "a/");
  EXPECT_EQ(find(router, "/a/b"), "ab");
  for (const char* path : {"//", "/b", "/a//", "/a/b/", "/a/b/c", "/A", "", "a", "*"})
    EXPECT_EQ(find(router, path), "404") << path;
}

TEST(Router, FindsAmongManyLiterals) {
  Router router;
  for (int i = 0; i < 200; ++i) router.get("/x/r" + std::to_string(i), says(std::to_string(i)));
  for (int i = 0; i < 200; ++i) EXPECT_EQ(find(router, "/x/r" + std::to_string(i)), std::to_string(i));
  EXPECT_EQ(find(router, "/x/r200"), "404");
  EXPECT_EQ(find(router, "/x/r"), "404");
}

TEST(Router, GivesParameters) {
  Router router;
  router.get("/{a}", says("one")).get("/u/{id}/p/{post}", says("two")).get("/f/{rest...}", says("rest"));
  EXPECT_EQ(find(router, "/x"), "one a=x");
  EXPECT_EQ(find(router, "/u/7/p/8"), "two id=7 post=8");
  EXPECT_EQ(find(router, "/f/a/b//c"), "rest rest=a/b//c");
  EXPECT_EQ(find(router, "/f/"), "rest rest=");
  EXPECT_EQ(find(router, "/f"), "one a=f");
  EXPECT_EQ(find(router, "/"), "404");
  EXPECT_EQ(find(router, "/u//p/8"), "404");
}

TEST(Router, LiteralsWinThenParametersThenRest) {
  Router router;
  router.get("/a/b/c", says("literal")).get("/a/{x}/d", says("param")).get("/{all...}", says("rest"));
  EXPECT_EQ(find(router, "/a/b/c"), "literal");
  EXPECT_EQ(find(router, "/a/b/d"), "param x=b");
  EXPECT_EQ(find(router, "/a/b/e"), "rest all=a/b/e");
  EXPECT_EQ(find(router, "/"), "rest all=");
}

TEST(Router, TheNextBestTakesTheMethodThatTheBestDoesNot) {
  Router router;
  router.post("/users/me", says("me")).get("/users/{id}", says("id"));
  EXPECT_EQ(find(router, "/users/me", Method::post), "me");
  EXPECT_EQ(find(router, "/users/me", Method::get), "id id=me");
  EXPECT_EQ(find(router, "/users/me", Method::put), "405 GET, HEAD, POST, OPTIONS");
}

// RFC 9110 9.3.2, 15.5.6
TEST(Router, HeadIsGetAndTheRestIsNotAllowed) {
  Router router;
  router.get("/a", says("get")).put("/b", says("put")).route(Method::head, "/c", says("head")).get("/c", says("get"));
  EXPECT_EQ(find(router, "/a", Method::head), "get");
  EXPECT_EQ(find(router, "/c", Method::head), "head");
  EXPECT_EQ(find(router, "/a", Method::post), "405 GET, HEAD, OPTIONS");
  EXPECT_EQ(find(router, "/b", Method::head), "405 PUT, OPTIONS");
  EXPECT_EQ(find(router, "/a", Method::options), "405 GET, HEAD, OPTIONS");
  EXPECT_EQ(find(router, "/a", Method::trace), "405 GET, HEAD, OPTIONS");
  EXPECT_EQ(find(router, "/z", Method::post), "404");
}

TEST(Router, RefusesMalformedPatterns) {
  Router router;
  for (const char* pattern : {"",          "a",
                              "a/b",       "/a?b",
                              "/a#b",      "/a%20b",
                              "/{",        "/}",
                              "/{}",       "/{a",
                              "/a}",       "/a{b}",
                              "/{a}b",     "/{a}{b}",
                              "/{1a}",     "/{a-b}",
                              "/{a b}",    "/{...}",
                              "/{a...}/b", "/{a....}",
                              "/{a}/{a}",  "/{a}/{a...}",
                              "/.",        "/../a",
                              "/a/./b",    "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"})
    EXPECT_THROW(router.get(pattern, says("")), std::invalid_argument) << pattern;
}

TEST(Router, RefusesConflicts) {
  Router router;
  router.get("/a", says("")).get("/b/{x}", says("")).get("/c/{x...}", says(""));
  EXPECT_THROW(router.get("/a", says("")), std::invalid_argument);
  EXPECT_THROW(router.get("/b/{y}", says("")), std::invalid_argument);
  EXPECT_THROW(router.get("/c/{y...}", says("")), std::invalid_argument);
  EXPECT_NO_THROW(router.post("/b/{y}", says("")));
  EXPECT_NO_THROW(router.get("/b/{y}/z", says("")));
  EXPECT_NO_THROW(router.get("/c/{y}", says("")));
}

TEST(Router, RefusesEmptyHandlersAndOddMethods) {
  Router router;
  EXPECT_THROW(router.get("/a", FunctionHandler()), std::invalid_argument);
  EXPECT_THROW(router.route(Method::other, "/a", says("")), std::invalid_argument);
  EXPECT_THROW(router.route(Method::connect, "/a", says("")), std::invalid_argument);
}

Task<Response> coroutine(Request&) { co_return Response::text("late"); }

TEST(Router, TellsCoroutinesFromFunctions) {
  Router router;
  router.get("/c", coroutine).get("/f", says("f"));
  RouteMatch match;
  RouteTable::of(router).find(Method::get, "/c", match);
  EXPECT_TRUE(std::holds_alternative<CoroutineHandler>(match.route->handler));
  RouteTable::of(router).find(Method::get, "/f", match);
  EXPECT_TRUE(std::holds_alternative<FunctionHandler>(match.route->handler));
}

}  // namespace
}  // namespace prefork::http
