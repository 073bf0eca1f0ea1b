#include <prefork/http/cookie.hpp>

#include <gtest/gtest.h>

#include <prefork/http/request.hpp>
#include <prefork/http/response.hpp>
#include <stdexcept>

#include "tests/framework/http/message/field_lines.hpp"
#include "tests/framework/http/message/sample_request.hpp"

namespace prefork::http {
namespace {

using namespace std::chrono_literals;
using test::SampleRequest;

std::string line(const Cookie& cookie) {
  Response response;
  response.set_cookie(cookie);
  return std::string(response.header("set-cookie").value());
}

std::string fault(const Cookie& cookie) {
  try {
    line(cookie);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

// RFC 6265 4.1.1
TEST(Cookie, IsWritten) {
  EXPECT_EQ(line({.name = "a", .value = "b"}), "a=b; Path=/; HttpOnly; SameSite=Lax");
  EXPECT_EQ(line({.name = "a", .value = ""}), "a=; Path=/; HttpOnly; SameSite=Lax");
  EXPECT_EQ(line({.name = "a", .value = "\"b=c\"", .path = "", .http_only = false, .same_site = SameSite::unset}),
            "a=\"b=c\"");
  EXPECT_EQ(line({.name = "__Secure-a",
                  .value = "!#$%&'()*+-./09:<=>?@AZ[]^_`az{|}~",
                  .path = "/x y",
                  .domain = "Example.org",
                  .max_age = 3600s,
                  .expires = std::chrono::system_clock::from_time_t(784111777) + 999ms,
                  .secure = true,
                  .http_only = true,
                  .same_site = SameSite::none,
                  .partitioned = true}),
            "__Secure-a=!#$%&'()*+-./09:<=>?@AZ[]^_`az{|}~; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Max-Age=3600; "
            "Domain=Example.org; Path=/x y; Secure; HttpOnly; SameSite=None; Partitioned");
  EXPECT_EQ(line({.name = "__Host-a", .value = "b", .secure = true, .same_site = SameSite::strict}),
            "__Host-a=b; Path=/; Secure; HttpOnly; SameSite=Strict");
}

TEST(Cookie, AddsALineForEach) {
  Response response;
  response.set_cookie({.name = "a", .value = "1"}).set_cookie({.name = "b", .value = "2"});
  EXPECT_EQ(test::field_lines(response),
            "Set-Cookie: a=1; Path=/; HttpOnly; SameSite=Lax\r\nSet-Cookie: b=2; Path=/; HttpOnly; SameSite=Lax\r\n");
}

TEST(Cookie, IsForgotten) {
  EXPECT_EQ(line(Cookie::expired("a")), "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/; HttpOnly; SameSite=Lax");
  EXPECT_NE(line(Cookie::expired("a", "/b")).find("; Path=/b;"), std::string::npos);
}

TEST(Cookie, RefusesMalformedNamesAndValues) {
  EXPECT_EQ(fault({.name = "a b", .value = "c"}), "cookie \"a b\": the name is not a token");
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a="), std::string("a;"),
                                  std::string("a\r\n"), std::string("\xc3\xa9"), std::string("a\0", 2)})
    EXPECT_THROW(line({.name = name, .value = "b"}), std::invalid_argument) << name;
  for (const std::string& value :
       {std::string("a b"), std::string("a,b"), std::string("a;b"), std::string("a\\b"), std::string("\""),
        std::string("a\"b"), std::string("\"a"), std::string("a\r\nB: c"), std::string("\xc3\xa9"),
        std::string("\0", 1), std::string("\x7f"), std::string("\"\"\"")})
    EXPECT_EQ(fault({.name = "a", .value = value}), "cookie \"a\": the value holds a character that has to be encoded")
        << value;
  EXPECT_EQ(fault({.name = "a", .value = std::string(4095, 'x')}), "");
  EXPECT_EQ(fault({.name = "a", .value = std::string(4096, 'x')}),
            "cookie \"a\": name and value are longer than 4096 bytes");
}

TEST(Cookie, RefusesMalformedAttributes) {
  for (const std::string& path : {std::string("a"), std::string("/a;b"), std::string("/\n"), std::string("/\xc3\xa9"),
                                  "/" + std::string(1024, 'a')})
    EXPECT_EQ(fault({.name = "a", .value = "b", .path = path}), "cookie \"a\": the path is malformed");
  for (const std::string& domain :
       {std::string(".a.b"), std::string("a..b"), std::string("a."), std::string("-a"), std::string("a-.b"),
        std::string("a b"), std::string("a;b"), std::string("a_b"), std::string(64, 'a'), std::string("\xc3\xa9")})
    EXPECT_EQ(fault({.name = "a", .value = "b", .domain = domain}), "cookie \"a\": the domain is no host name");
  EXPECT_EQ(fault({.name = "a", .value = "b", .domain = "a-1.9.example"}), "");
  for (const auto age : {0s, -1s})
    EXPECT_EQ(fault({.name = "a", .value = "b", .max_age = age}),
              "cookie \"a\": max_age is not positive: use Cookie::expired");
}

// RFC 6265bis 4.1.3, 5.6.7
TEST(Cookie, RefusesWhatBrowsersWould) {
  EXPECT_EQ(fault({.name = "a", .value = "b", .same_site = SameSite::none}),
            "cookie \"a\": SameSite::none needs secure");
  EXPECT_EQ(fault({.name = "a", .value = "b", .partitioned = true}), "cookie \"a\": partitioned needs secure");
  EXPECT_EQ(fault({.name = "__secure-a", .value = "b"}), "cookie \"__secure-a\": the prefix __Secure- needs secure");
  EXPECT_EQ(fault({.name = "__Host-a", .value = "b"}), "cookie \"__Host-a\": the prefix __Host- needs secure");
  EXPECT_EQ(fault({.name = "__Host-a", .value = "b", .path = "/x", .secure = true}),
            "cookie \"__Host-a\": the prefix __Host- needs the path /");
  EXPECT_EQ(fault({.name = "__HOST-a", .value = "b", .domain = "a.b", .secure = true}),
            "cookie \"__HOST-a\": the prefix __Host- forbids a domain");
}

// RFC 6265 4.2, 5.4
TEST(Cookie, IsFoundInARequest) {
  SampleRequest sample(
      {{"Cookie", "a=1; b=\"2\";c = 3 ; a=4;novalue; e=; =x; f=g=h"}, {"cookie", "d=5"}, {"X", "y=1"}});
  const Request request = sample.state.as_request();
  EXPECT_EQ(request.cookie("a"), "1");
  EXPECT_EQ(request.cookie("b"), "\"2\"");
  EXPECT_EQ(request.cookie("c"), "3");
  EXPECT_EQ(request.cookie("d"), "5");
  EXPECT_EQ(request.cookie("e"), "");
  EXPECT_EQ(request.cookie("f"), "g=h");
  EXPECT_EQ(request.cookie(""), "x");
  for (const char* name : {"A", "novalue", "y", "g", "1"}) EXPECT_EQ(request.cookie(name), std::nullopt) << name;
  const std::vector<Header> blank = {{"Cookie", ";; ;"}};
  SampleRequest none(blank);
  EXPECT_EQ(none.state.as_request().cookie("a"), std::nullopt);
}

}  // namespace
}  // namespace prefork::http
