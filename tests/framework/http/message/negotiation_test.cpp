#include <prefork/http/negotiation.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace prefork::http {
namespace {

using Offers = std::vector<std::string_view>;
using Choice = std::optional<std::size_t>;

struct Case {
  std::optional<std::string_view> field;
  Offers offers;
  Choice choice;
};

void expect_types(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(prefer_type(c.field, c.offers), c.choice) << c.field.value_or("(none)");
}
void expect_codings(const std::vector<Case>& cases) {
  for (const Case& c : cases) EXPECT_EQ(prefer_coding(c.field, c.offers), c.choice) << c.field.value_or("(none)");
}

const Offers kTextHtmlJson = {"text/plain; charset=utf-8", "text/html", "application/json"};

// RFC 9110 12.5.1
TEST(Negotiation, ChoosesTheMediaType) {
  expect_types({
      {std::nullopt, kTextHtmlJson, 0},
      {"", kTextHtmlJson, 0},
      {" , ,\t,", kTextHtmlJson, 0},
      {"*/*", kTextHtmlJson, 0},
      {"text/html", kTextHtmlJson, 1},
      {"TEXT/Html", kTextHtmlJson, 1},
      {"application/json", kTextHtmlJson, 2},
      {"application/*", kTextHtmlJson, 2},
      {"text/*", kTextHtmlJson, 0},
      {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", kTextHtmlJson, 1},
      {"text/plain;q=0.5, text/html;q=0.7", kTextHtmlJson, 1},
      {"text/plain;q=0.701 , text/html;q=0.7", kTextHtmlJson, 0},
      {"text/plain;q=0.5,text/html;q=0.5", kTextHtmlJson, 0},
      {"text/html;q=0.5;level=1,text/plain;q=0.4", kTextHtmlJson, 1},
      {"text/html;Q=0.1;,, text/plain;q=0.2", kTextHtmlJson, 0},
      {"application/json ; q=1.000 , */*;q=0.999", kTextHtmlJson, 2},
      {"image/png", kTextHtmlJson, std::nullopt},
      {"*/*", {}, std::nullopt},
      {"", {}, std::nullopt},
  });
}

// RFC 9110 12.5.1: the most specific range takes precedence
TEST(Negotiation, TakesTheMostSpecificRange) {
  const Offers levels = {"text/html;level=1", "text/html",         "text/plain",
                         "image/jpeg",        "text/html;level=2", "text/html;level=3"};
  const std::string_view example =
      "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5";
  expect_types({
      {example, {"text/plain", "text/plain;format=flowed"}, 1},
      {example, {"text/html", "text/plain;format=fixed", "image/jpeg"}, 2},
      {example, {"text/html", "text/plain;format=fixed"}, 1},
      {example, {"text/html", "text/plain"}, 1},
      {"*/*;q=1, text/html;q=0.1", {"text/html", "a/b"}, 1},
      {"text/html;level=1;q=0.2, text/html;q=0.1", levels, 0},
      {"text/html;level=\"2\", text/html;q=0.1", levels, 4},
      {"text/html;charset=UTF-8", {"a/b", "text/html; charset=utf-8"}, 1},
      {"text/html;charset=\"a,b\";q=0.5, a/b;q=0.4", {"a/b", "text/html;charset=\"a,b\""}, 1},
      {"text/html;level=4", levels, std::nullopt},
  });
}

// RFC 9110 12.4.2: a weight of 0 means not acceptable
TEST(Negotiation, ExcludesTypesOfNoWeight) {
  expect_types({
      {"text/plain;q=0, */*;q=0.1", kTextHtmlJson, 1},
      {"*/*, text/plain;q=0.0, text/html;q=0.000", kTextHtmlJson, 2},
      {"*/*;q=0", kTextHtmlJson, std::nullopt},
      {"text/*;q=0, application/json", kTextHtmlJson, 2},
      {"text/plain;q=0", {"text/plain"}, std::nullopt},
  });
}

TEST(Negotiation, TakesTheFirstTypeWhereTheFieldIsMalformed) {
  std::vector<Case> cases;
  for (const std::string_view field : {"text",
                                       "text/",
                                       "/html",
                                       "text/html/x",
                                       "text html",
                                       "*/html",
                                       "*",
                                       "text/html;q",
                                       "text/html;q=",
                                       "text/html;q=2",
                                       "text/html;q=1.001",
                                       "text/html;q=0.0001",
                                       "text/html;q=.5",
                                       "text/html;q=-1",
                                       "text/html;q=0,5",
                                       "text/html;q=1x",
                                       "text/html; a=\"b",
                                       "text/html;a=\"b\\\"",
                                       "text/html;=b",
                                       "text/html;a b",
                                       "text/html;a=b c",
                                       "te\x01xt/html",
                                       "text/html application/json",
                                       "text/html;q=0.5 x",
                                       "text/\xc3\xa9",
                                       "text/html;q= 1"})
    cases.push_back({field, {"a/b", "text/html"}, 0});
  expect_types(cases);
}

TEST(Negotiation, DoesBoundedWork) {
  std::string ranges, parameters = "text/html";
  for (int i = 0; i < 64; ++i) ranges += i < 63 ? "a/b, " : "text/html";
  EXPECT_EQ(prefer_type(ranges, Offers({"c/d", "text/html"})), 1U);
  EXPECT_EQ(prefer_type(ranges + ",x/y", Offers({"c/d", "text/html"})), 0U);
  for (int i = 0; i < 17; ++i) parameters += ";q=1";
  EXPECT_EQ(prefer_type(parameters, Offers({"c/d", "text/html"})), 0U);
  EXPECT_EQ(prefer_type(std::string(100000, ','), Offers({"c/d", "text/html"})), 0U);
  EXPECT_EQ(prefer_type("text/html" + std::string(100000, ';'), Offers({"c/d", "text/html"})), 1U);
}

const Offers kCodings = {"br", "gzip", "identity"};

// RFC 9110 12.5.3
TEST(Negotiation, ChoosesTheCoding) {
  expect_codings({
      {std::nullopt, kCodings, 2},
      {std::nullopt, {"br", "gzip"}, 0},
      {"", kCodings, 2},
      {"", {"br", "gzip"}, std::nullopt},
      {"gzip", kCodings, 1},
      {"gzip, deflate, br, zstd", kCodings, 0},
      {"gzip;q=1.0, br;q=0.9", kCodings, 1},
      {"GZIP", kCodings, 1},
      {"x-gzip", kCodings, 1},
      {"gzip;q=0.001", kCodings, 1},
      {"gzip;q=0.5, identity", kCodings, 2},
      {"identity;q=0.5, *;q=0.4", kCodings, 2},
      {"*", kCodings, 0},
      {"*;q=0.1, br;q=0", kCodings, 1},
      {"deflate", kCodings, 2},
      {"deflate", {"gzip"}, std::nullopt},
      {"compress", {"gzip", "x-compress"}, 1},
  });
}

TEST(Negotiation, TakesIdentityUnlessItIsExcluded) {
  expect_codings({
      {"identity;q=0", {"identity"}, std::nullopt},
      {"*;q=0", kCodings, std::nullopt},
      {"*;q=0, identity", kCodings, 2},
      {"*;q=0, gzip", kCodings, 1},
      {"gzip;q=0", kCodings, 2},
      {"gzip;q=0, br;q=0, identity;q=0", kCodings, std::nullopt},
      {"identity;q=0, *", kCodings, 0},
      {"gzip;q=7", kCodings, 2},
      {"gzip deflate", kCodings, 2},
      {"gzip;q=1;;;x", kCodings, 2},
      {"=", {"gzip"}, std::nullopt},
  });
}

}  // namespace
}  // namespace prefork::http
