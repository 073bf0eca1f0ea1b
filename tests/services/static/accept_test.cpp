// RFC 9110 12.4.2, 12.5.1, 12.5.3.
#include "services/static/accept.hpp"

#include <gtest/gtest.h>

#include "tests/framework/http/message/parsed_request.hpp"

namespace services::static_files {
namespace {

using prefork::http::test::ParsedRequest;

std::string choose(std::string_view value, Offer offer = {true, true}) {
  switch (choose_coding(ParsedRequest("GET /", {"Accept-Encoding: " + std::string(value)}), offer)) {
    case Coding::identity:
      return "identity";
    case Coding::gzip:
      return "gzip";
    case Coding::brotli:
      return "br";
  }
  return "?";
}

TEST(ChooseCoding, TakesWhatTheClientLikesBest) {
  EXPECT_EQ(choose("gzip, deflate, br"), "br");
  EXPECT_EQ(choose("br;q=0.9,gzip"), "gzip");
  EXPECT_EQ(choose("GZIP"), "gzip");
  EXPECT_EQ(choose("x-gzip"), "gzip");
  EXPECT_EQ(choose("gzip ; q=0.5 , br\t;\tQ=0.5"), "br");
  EXPECT_EQ(choose("*"), "br");
  EXPECT_EQ(choose("*;q=0.1, br;q=0"), "gzip");
  EXPECT_EQ(choose("gzip;q=0.001"), "gzip");
  EXPECT_EQ(choose("gzip;q=1.000"), "gzip");
  EXPECT_EQ(choose("gzip;q=0.5, identity"), "identity");
  EXPECT_EQ(choose("gzip;q=0.5, identity;q=0.4"), "gzip");
  EXPECT_EQ(choose("gzip, identity"), "gzip");
  EXPECT_EQ(choose("identity;q=0, gzip;q=0.1"), "gzip");
  EXPECT_EQ(choose("gzip, br", {true, false}), "gzip");
  EXPECT_EQ(choose("gzip, br", {false, true}), "br");
  EXPECT_EQ(choose("gzip, br", {false, false}), "identity");
}

TEST(ChooseCoding, IsTheFileItselfOtherwise) {
  for (const char* value :
       {"", "deflate", "gzip;q=0, br;q=0", "gzip;q=0.000", "*;q=0", "identity", "gzip;q=2", "gzip;q=x", "gzip;q=0.5555",
        "gzip;q=-1", "gzip;q=", "gzipp", "g zip", ";;;", ",,,", "\"gzip\""})
    EXPECT_EQ(choose(value), "identity") << value;
  EXPECT_EQ(choose_coding(ParsedRequest("GET /"), {true, true}), Coding::identity);
}

TEST(ChooseCoding, ReadsSeveralLinesAsOne) {
  EXPECT_EQ(choose_coding(ParsedRequest("GET /", {"accept-encoding: deflate", "ACCEPT-ENCODING: br"}), {true, true}),
            Coding::brotli);
}

TEST(HtmlWish, FollowsTheMostSpecificRange) {
  const auto wish = [](std::string_view value) {
    return html_wish(ParsedRequest("GET /", {"Accept: " + std::string(value)}));
  };
  EXPECT_EQ(wish("text/html,application/xhtml+xml,*/*;q=0.8"), HtmlWish::named);
  EXPECT_EQ(wish("TEXT/HTML;q=0.1"), HtmlWish::named);
  EXPECT_EQ(wish("*/*"), HtmlWish::accepted);
  EXPECT_EQ(wish("text/*"), HtmlWish::accepted);
  EXPECT_EQ(wish("application/json"), HtmlWish::refused);
  EXPECT_EQ(wish("image/avif,image/webp,*/*;q=0"), HtmlWish::refused);
  EXPECT_EQ(wish("text/html;q=0,*/*"), HtmlWish::refused);
  EXPECT_EQ(wish("text/*;q=0,*/*"), HtmlWish::refused);
  EXPECT_EQ(html_wish(ParsedRequest("GET /")), HtmlWish::accepted);
}

}  // namespace
}  // namespace services::static_files
