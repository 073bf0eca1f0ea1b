#include <prefork/json.hpp>

#include <gtest/gtest.h>

#include <limits>
#include <prefork/http/cookie.hpp>
#include <prefork/http/error.hpp>
#include <prefork/http/json.hpp>

#include "tests/framework/http/message/field_lines.hpp"
#include "tests/framework/http/message/sample_request.hpp"

namespace prefork {
namespace {

using Kind = Json::Kind;

std::string fault(const std::function<void()>& action) {
  try {
    action();
  } catch (const JsonError& error) {
    return error.what();
  }
  return "";
}

TEST(Json, IsMadeOfValues) {
  EXPECT_EQ(Json().kind(), Kind::null);
  EXPECT_EQ(Json{}.kind(), Kind::null);
  EXPECT_EQ(Json(nullptr).kind(), Kind::null);
  EXPECT_EQ(Json(true).kind(), Kind::boolean);
  EXPECT_EQ(Json(1).kind(), Kind::integer);
  EXPECT_EQ(Json(1U).kind(), Kind::integer);
  EXPECT_EQ(Json(std::size_t{1}).kind(), Kind::integer);
  EXPECT_EQ(Json(std::numeric_limits<std::uint64_t>::max()).kind(), Kind::real);
  EXPECT_EQ(Json(1.5).kind(), Kind::real);
  EXPECT_EQ(Json("a").kind(), Kind::string);
  EXPECT_EQ(Json(std::string("a")).kind(), Kind::string);
  EXPECT_EQ(Json(std::string_view("a")).kind(), Kind::string);
  EXPECT_EQ(Json::array().kind(), Kind::array);
  EXPECT_EQ(Json::object().kind(), Kind::object);
  const Json copied{Json::array({1})};
  EXPECT_EQ(copied.dump(), "[1]");
}

TEST(Json, IsMadeOfBraces) {
  const std::string name = "x";
  const Json json{{"b", 1},
                  {"a", Json::array({1, "two", true, nullptr, 2.5, Json::array()})},
                  {"c", {{"d", {{"e", name}}}}},
                  {name, Json::object()},
                  {"b", 2}};
  EXPECT_EQ(json.dump(), R"({"b":2,"a":[1,"two",true,null,2.5,[]],"c":{"d":{"e":"x"}},"x":{}})");
  EXPECT_EQ(json.dump(2),
            "{\n  \"b\": 2,\n  \"a\": [\n    1,\n    \"two\",\n    true,\n    null,\n    2.5,\n    []\n  ],\n"
            "  \"c\": {\n    \"d\": {\n      \"e\": \"x\"\n    }\n  },\n  \"x\": {}\n}");
  EXPECT_EQ(Json::parse(json.dump()), json);
  EXPECT_EQ(Json::parse(json.dump(4)), json);
}

TEST(Json, GivesWhatIsAskedFor) {
  Json json{{"i", 1}, {"r", 1.5}, {"s", "t"}, {"b", false}, {"n", nullptr}, {"a", Json::array({1, 2})}};
  EXPECT_EQ(json.at("i").integer(), 1);
  EXPECT_EQ(json.at("i").number(), 1.0);
  EXPECT_EQ(json["r"].number(), 1.5);
  EXPECT_EQ(json["s"].text(), "t");
  EXPECT_FALSE(json["b"].boolean());
  EXPECT_EQ(json["a"].at(1).integer(), 2);
  EXPECT_EQ(json["a"].items().size(), 2U);
  EXPECT_EQ(json.members().front().name, "i");
  EXPECT_EQ(json.size(), 6U);
  EXPECT_TRUE(json.contains("n"));
  EXPECT_EQ(json.find("x"), nullptr);
  EXPECT_EQ(Json(1).find("x"), nullptr);
  EXPECT_EQ(json.get_or("s", "u"), "t");
  EXPECT_EQ(json.get_or("x", "u"), "u");
  EXPECT_EQ(json.get_or("n", 7), 7);
  EXPECT_EQ(json.get_or("i", 7), 1);
  EXPECT_EQ(json.get_or("i", 0.5), 1.0);
  EXPECT_TRUE(json.get_or("x", true));
  EXPECT_FALSE(json.get_or("b", true));
}

TEST(Json, SaysWhatIsWrong) {
  const Json json{{"i", 1}, {"s", "t"}, {"a", Json::array({1})}};
  EXPECT_EQ(fault([&] { json.at("x"); }), "the object has no member \"x\"");
  EXPECT_EQ(fault([&] { json.at("i").text(); }), "a string is wanted, not an integer");
  EXPECT_EQ(fault([&] { json.at("s").integer(); }), "an integer is wanted, not a string");
  EXPECT_EQ(fault([&] { json.at("s").number(); }), "a number is wanted, not a string");
  EXPECT_EQ(fault([&] { Json(1.5).integer(); }), "an integer is wanted, not a number with a fraction");
  EXPECT_EQ(fault([&] { json.at("s").at("x"); }), "an object is wanted, not a string");
  EXPECT_EQ(fault([&] { json.at("s").at(0); }), "an array is wanted, not a string");
  EXPECT_EQ(fault([&] { json.at("a").at(1); }), "the array has no item 1: it has 1");
  EXPECT_EQ(fault([&] { json["a"]["x"]; }), "an object is wanted, not an array");
  EXPECT_EQ(fault([&] { json["x"].text(); }), "a string is wanted, not null");
  EXPECT_EQ(fault([&] { json.get_or("i", "u"); }), "a string is wanted, not an integer");
  EXPECT_EQ(fault([&] { json.at("i").boolean(); }), "a boolean is wanted, not an integer");
}

TEST(Json, IsChanged) {
  Json json;
  json["a"]["b"] = 1;
  json["list"].push_back("x");
  json["list"].push_back({{"y", 2}});
  json["a"]["b"] = "c";
  EXPECT_EQ(json.dump(), R"({"a":{"b":"c"},"list":["x",{"y":2}]})");
  EXPECT_TRUE(json.erase("a"));
  EXPECT_FALSE(json.erase("a"));
  json.at("list").at(0) = nullptr;
  EXPECT_EQ(json.dump(), R"({"list":[null,{"y":2}]})");
  const Json& constant = json;
  EXPECT_TRUE(constant["absent"]["deeper"].is_null());
  EXPECT_EQ(fault([&] { json.push_back(1); }), "an array is wanted, not an object");
  EXPECT_EQ(fault([&] { json["list"]["x"] = 1; }), "an object is wanted, not an array");
  Json other = json;
  other["list"].push_back(1);
  EXPECT_NE(other, json);
}

// RFC 8259 3 to 7
TEST(Json, ReadsTexts) {
  const std::pair<std::string_view, Json> cases[] = {
      {"null", nullptr},
      {" \t\r\n true ", true},
      {"0", 0},
      {"-0", 0},
      {"9223372036854775807", std::numeric_limits<std::int64_t>::max()},
      {"-9223372036854775808", std::numeric_limits<std::int64_t>::min()},
      {"9223372036854775808", 9223372036854775808.0},
      {"1.0", 1.0},
      {"1e3", 1000.0},
      {"-2.5E-1", -0.25},
      {"\"\"", ""},
      {R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00")", "\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80"},
      {R"("a\u0000b")", std::string("a\0b", 3)},
      {"[]", Json::array()},
      {"[ [ ] , {} ]", Json::array({Json::array(), Json::object()})},
      {R"({"":1,"a":{"":2}})", Json{{"", 1}, {"a", {{"", 2}}}}},
      {"\xef\xbb\xbf{}", Json::object()},
  };
  for (const auto& [text, json] : cases) EXPECT_EQ(Json::parse(text), json) << text;
}

TEST(Json, RefusesOtherTexts) {
  for (const std::string_view text : {"",
                                      " ",
                                      "nul",
                                      "True",
                                      "NaN",
                                      "Infinity",
                                      "01",
                                      "1.",
                                      ".5",
                                      "+1",
                                      "-",
                                      "1e",
                                      "0x1",
                                      "1e999",
                                      "\"",
                                      "\"\n\"",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\ud800\"",
                                      "\"\xff\"",
                                      "\"\xc0\x80\"",
                                      "'a'",
                                      "[",
                                      "]",
                                      "[1",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{",
                                      "{a:1}",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{1:2}",
                                      "{\"a\":1 \"b\":2}",
                                      "1 2",
                                      "[]]",
                                      "// x\n1",
                                      "/**/1",
                                      "{\"a\":1,\"b\":2,\"a\":3}",
                                      "[1}",
                                      "\xfe"}) {
    EXPECT_THROW(Json::parse(text), JsonError) << text;
  }
  EXPECT_THROW(Json::parse(std::string_view("1\0", 2)), JsonError);
}

TEST(Json, SaysWhereATextIsWrong) {
  const auto position = [](std::string_view text, JsonLimits limits = {}) -> std::optional<std::size_t> {
    try {
      Json::parse(text, limits);
    } catch (const JsonError& error) {
      return error.position();
    }
    return std::nullopt;
  };
  EXPECT_EQ(position("[1,2,x]"), 6U);
  EXPECT_EQ(position("{\"a\":1,\"a\":2}  "), 13U);
  EXPECT_EQ(position("[[[]]]  ", {2, 10}), 3U);
  EXPECT_EQ(position("[1,\"b\",3]", {2, 2}), 6U);
  EXPECT_EQ(fault([] { Json::parse("[1,2,x]"); }), "byte 6: it is malformed");
  EXPECT_EQ(fault([] { Json::parse("1e999"); }), "byte 5: a number is too large");
}

TEST(Json, KeepsWithinItsLimits) {
  const std::string deep = std::string(64, '[') + std::string(64, ']');
  EXPECT_NO_THROW(Json::parse(deep));
  EXPECT_EQ(fault([&] { Json::parse("[" + deep + "]"); }), "byte 65: it is deeper than 64 levels");
  EXPECT_EQ(fault([&] {
              Json::parse(std::string(2000, '['), {100000, 100000});
            }),
            "byte 1001: it is deeper than 1000 levels");
  EXPECT_NO_THROW(Json::parse("[1,{\"a\":2}]", {2, 4}));
  EXPECT_EQ(fault([&] { Json::parse("[1,{\"a\":2}]", {2, 3}); }), "byte 10: there are more than 3 values");
  // Many names, so that looking for a repeated one must not compare each with each.
  std::string wide = "{";
  for (int i = 0; i < 90'000; ++i) wide += "\"" + std::to_string(i) + "\":0,";
  EXPECT_EQ(Json::parse(wide + "\"x\":0}").size(), 90'001U);
  EXPECT_THROW(Json::parse(wide + "\"0\":0}"), JsonError);
}

TEST(Json, WritesValidTextAlways) {
  EXPECT_EQ(Json(1.0).dump(), "1.0");
  EXPECT_EQ(Json(0.1).dump(), "0.1");
  EXPECT_EQ(Json(1e300).dump(), "1e+300");
  EXPECT_EQ(Json::parse(Json(1e300).dump()), Json(1e300));
  EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).dump(), "null");
  EXPECT_EQ(Json(std::numeric_limits<double>::quiet_NaN()).dump(), "null");
  EXPECT_EQ((Json{{"a\xff", "</script>"}}.dump()), "{\"a\xef\xbf\xbd\":\"\\u003c/script\\u003e\"}");
  EXPECT_EQ(Json::array().dump(2), "[]");
}

using http::Status;
using http::test::SampleRequest;

Status refused(std::string_view type, std::string_view body, std::string_view coding = "identity") {
  SampleRequest sample({{"Content-Type", type}, {"Content-Encoding", coding}}, body);
  try {
    http::read_json(sample.state.as_request());
  } catch (const http::Error& error) {
    EXPECT_FALSE(error.detail().empty());
    return error.status();
  }
  return Status::ok;
}

// RFC 9110 15.5.16, RFC 6839 3.1
TEST(JsonMessage, IsReadByItsType) {
  for (const char* type :
       {"application/json", "Application/JSON; charset=utf-8", "application/problem+json", "a/b+JSON"})
    EXPECT_EQ(refused(type, "{}"), Status::ok) << type;
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json",
                           "a/+json", "application/json x", "application/json;a"})
    EXPECT_EQ(refused(type, "{}"), Status::unsupported_media_type) << type;
  EXPECT_EQ(refused("application/json", "{}", "gzip"), Status::unsupported_media_type);
  for (const char* body : {"", "{", "{\"a\":1,\"a\":1}", "\xff"})
    EXPECT_EQ(refused("application/json", body), Status::bad_request) << body;
  SampleRequest none({}, "{}");
  EXPECT_THROW(http::read_json(none.state.as_request()), http::Error);
}

TEST(JsonMessage, IsWritten) {
  const http::Response response = http::json_response({{"a", 1}}, Status::created);
  EXPECT_EQ(response.body(), "{\"a\":1}");
  EXPECT_EQ(response.status(), Status::created);
  EXPECT_EQ(response.header("content-type"), "application/json");
}

struct Next final : http::NextHandler {
  Task<http::Response> operator()(http::Request&) override {
    Json{{"a", 1}}.at("a").text();
    co_return http::Response();
  }
};

Task<void> call_middleware(http::Request& request, http::Response& response) {
  Next next;
  response = co_await http::refuse_unfit_json(request, next);
}

Task<http::Response> answer_from_braces() {
  const http::Cookie cookie{.name = "a-name-that-is-no-short-string", .value = "a-value-of-that-kind"};
  co_return http::json_response({{"a long name that is no short string", "a long value, too"}, {"b", {{"c", 1}}}})
      .set_cookie(cookie)
      .set_cookie({.name = "another-name-that-is-no-short-string", .value = "another-value-of-that-kind"});
}
Task<void> await_answer(http::Response& response) { response = co_await answer_from_braces(); }

// g++ 12 treats temporaries in co_await expressions badly; in co_return it must not matter.
TEST(JsonMessage, IsMadeOfBracesInACoroutine) {
  http::Response response;
  Task<void> call = await_answer(response);
  EXPECT_FALSE(call.await_suspend(std::noop_coroutine()));
  call.await_resume();
  EXPECT_EQ(response.body(), R"({"a long name that is no short string":"a long value, too","b":{"c":1}})");
  EXPECT_NE(http::test::field_lines(response).find("another-name-that-is-no-short-string=another-value-of-that-kind"),
            std::string_view::npos);
}

TEST(JsonMessage, IsRefusedWhereItDoesNotFit) {
  SampleRequest sample({});
  http::Request request = sample.state.as_request();
  http::Response response;
  Task<void> call = call_middleware(request, response);
  EXPECT_FALSE(call.await_suspend(std::noop_coroutine()));
  call.await_resume();
  EXPECT_EQ(response.status(), Status::unprocessable_content);
  EXPECT_EQ(response.body(),
            "422 Unprocessable Content\nThe JSON is not as expected: a string is wanted, not an integer.\n");
}

}  // namespace
}  // namespace prefork
