#include "framework/http/message/error_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace prefork::http {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ErrorPage, IsTextByDefault) {
  for (const std::optional<std::string_view> accept :
       {std::optional<std::string_view>(), {""}, {"*/*"}, {"text/*"}, {"image/png"}, {"nonsense"}}) {
    const ErrorPage page = render_error(Status::not_found, "There is no such room.", accept);
    EXPECT_EQ(page.media_type, "text/plain; charset=utf-8");
    EXPECT_EQ(page.body, "404 Not Found\nThere is no such room.\n");
  }
  EXPECT_EQ(render_error(Status::forbidden, "", std::nullopt).body, "403 Forbidden\n");
  EXPECT_EQ(render_error(static_cast<Status>(499), "", std::nullopt).body, "499\n");
  EXPECT_EQ(render_error(Status::forbidden, "a\xff", std::nullopt).body, "403 Forbidden\na\xef\xbf\xbd\n");
}

TEST(ErrorPage, IsHtmlForBrowsers) {
  const ErrorPage page = render_error(Status::not_found, "<script>\"&'\xff",
                                      "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
  EXPECT_EQ(page.media_type, "text/html; charset=utf-8");
  EXPECT_THAT(page.body, testing::StartsWith("<!DOCTYPE html>"));
  EXPECT_THAT(page.body, HasSubstr("<title>404 Not Found</title>"));
  EXPECT_THAT(page.body, HasSubstr("<h1>404 Not Found</h1>"));
  EXPECT_THAT(page.body, HasSubstr("<p>&lt;script&gt;&quot;&amp;&#39;\xef\xbf\xbd</p>"));
  EXPECT_THAT(page.body, HasSubstr("width=device-width"));
  EXPECT_THAT(page.body, Not(HasSubstr("http://")));
  EXPECT_THAT(render_error(Status::not_found, "", "text/html").body, Not(HasSubstr("<p>")));
}

TEST(ErrorPage, IsJsonForPrograms) {
  const ErrorPage page = render_error(Status::bad_request, "say \"a\"\n<\x01\xc3\xa9\xc3", "application/json");
  EXPECT_EQ(page.media_type, "application/json");
  EXPECT_THAT(page.body, HasSubstr("{\"status\":400,\"error\":\"Bad Request\",\"detail\":\"say \\\"a\\\"\\n"));
  const auto json = nlohmann::json::parse(page.body);
  EXPECT_EQ(json["detail"], "say \"a\"\n<\x01\xc3\xa9\xef\xbf\xbd");
  EXPECT_EQ(render_error(Status::bad_request, "", "application/json").body,
            "{\"status\":400,\"error\":\"Bad Request\"}\n");
}

}  // namespace
}  // namespace prefork::http
