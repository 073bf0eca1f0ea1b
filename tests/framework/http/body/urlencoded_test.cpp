#include <prefork/http/form.hpp>

#include <gtest/gtest.h>

#include <prefork/http/error.hpp>

#include "tests/framework/http/message/sample_request.hpp"

namespace prefork::http {
namespace {

using Fields = std::vector<NameValue>;

// WHATWG URL 5.1
TEST(Urlencoded, IsDecoded) {
  const std::pair<std::string_view, Fields> cases[] = {
      {"", {}},
      {"a=b", {{"a", "b"}}},
      {"a=b&c=d&a=e", {{"a", "b"}, {"c", "d"}, {"a", "e"}}},
      {"a", {{"a", ""}}},
      {"a=", {{"a", ""}}},
      {"=b", {{"", "b"}}},
      {"=", {{"", ""}}},
      {"&&a=b&&", {{"a", "b"}}},
      {"a=b=c", {{"a", "b=c"}}},
      {"a+b=c+d%2B%20", {{"a b", "c d+ "}}},
      {"%C3%a9=%26%3D", {{"\xc3\xa9", "&="}}},
      {"a=%", {{"a", "%"}}},
      {"a=%4", {{"a", "%4"}}},
      {"a=%4g%g4%%41", {{"a", "%4g%g4%A"}}},
      {"a;b=c;d", {{"a;b", "c;d"}}},
      {"a=%ff%00", {{"a", std::string("\xff\0", 2)}}},
  };
  for (const auto& [text, fields] : cases) EXPECT_EQ(parse_urlencoded(text), fields) << text;
}

TEST(Urlencoded, HasABoundedNumberOfFields) {
  EXPECT_EQ(parse_urlencoded("a&b&&c", 3)->size(), 3U);
  EXPECT_EQ(parse_urlencoded("a&b&c&d", 3), std::nullopt);
  EXPECT_EQ(parse_urlencoded("&&&&", 0)->size(), 0U);
}

TEST(Urlencoded, IsReadFromAQuery) {
  test::SampleRequest sample({});
  sample.state.head.query = "a=1&b=%32";
  const Request request = sample.state.as_request();
  EXPECT_EQ(query_fields(request), (Fields{{"a", "1"}, {"b", "2"}}));
  try {
    query_fields(request, 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), Status::bad_request);
    EXPECT_EQ(error.detail(), "The query has more than 1 fields.");
  }
}

}  // namespace
}  // namespace prefork::http
