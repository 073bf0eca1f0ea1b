#include <prefork/http/response.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

#include "framework/http/wire/date_cache.hpp"
#include "framework/http/wire/response_writer.hpp"
#include "tests/framework/http/message/field_lines.hpp"

namespace prefork::http {
namespace {

constexpr std::string_view kDate = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

std::string write(const Response& response, ResponseMode mode = {}) {
  std::string out;
  append_response(out, response, mode, kDate);
  return out;
}

TEST(Response, RefusesInjection) {
  Response response;
  for (const char* value : {"a\r\nB: c", "a\rb", "a\nb", "\x01", "\x7f"})
    EXPECT_THROW(response.set("A", value), std::invalid_argument);
  EXPECT_THROW(response.add("A", std::string_view("a\0b", 3)), std::invalid_argument);
  for (const char* name : {"", "A B", "A:", "A\r\n", "\xc3\xa9", "A\t"})
    EXPECT_THROW(response.set(name, "x"), std::invalid_argument);
  EXPECT_THROW(Response::redirect("/a\r\nSet-Cookie: b=c"), std::invalid_argument);
  EXPECT_EQ(test::field_lines(response), "");
}

TEST(Response, RefusesTheFieldsOfTheWorker) {
  Response response;
  for (const char* name : {"Content-Length", "transfer-encoding", "CONNECTION", "Date", "server"})
    EXPECT_THROW(response.set(name, "x"), std::invalid_argument) << name;
}

TEST(Response, SetReplacesAndAddAdds) {
  Response response;
  response.add("A", "1").add("B", "2").add("a", "3").set("Ab", "4");
  EXPECT_EQ(test::field_lines(response), "A: 1\r\nB: 2\r\na: 3\r\nAb: 4\r\n");
  EXPECT_EQ(response.header("a"), "1");
  response.set("A", "");
  EXPECT_EQ(test::field_lines(response), "B: 2\r\nAb: 4\r\nA: \r\n");
  EXPECT_EQ(response.header("a"), "");
  EXPECT_EQ(response.header("c"), std::nullopt);
}

TEST(Response, HasOneContentType) {
  Response response = Response::text("x");
  EXPECT_EQ(response.header("content-type"), "text/plain; charset=utf-8");
  response.set("Content-Type", "a/b").add("content-type", "c/d");
  EXPECT_EQ(response.header("Content-Type"), "c/d");
  EXPECT_EQ(write(response).find("a/b"), std::string::npos);
  response.content_type(MediaType("e/f"));
  EXPECT_EQ(response.header("Content-Type"), "e/f");
  EXPECT_EQ(write(response).find("c/d"), std::string::npos);
}

TEST(Response, HoldsTextAndBorrowsStaticText) {
  static const std::string kText = "static";
  Response response = Response::html(StaticText::unowned(kText));
  EXPECT_EQ(response.body().data(), kText.data());
  response.body("owned");
  EXPECT_EQ(response.body(), "owned");
  const Response moved = std::move(response);
  EXPECT_EQ(moved.body(), "owned");
  EXPECT_EQ(Response(moved).body(StaticText("other")).body(), "other");
}

TEST(ResponseWriter, WritesHello) {
  EXPECT_EQ(write(Response::text(StaticText("Hello, World!")).content_type(MediaType("text/plain"))),
            "HTTP/1.1 200 OK\r\nServer: prefork\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Length: 13\r\nContent-Type: text/plain\r\n\r\nHello, World!");
}

TEST(ResponseWriter, SaysWhatBecomesOfTheConnection) {
  EXPECT_NE(write(Response(), {false, false, false}).find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_NE(write(Response(), {false, false, true}).find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_NE(write(Response(), {false, true, true}).find("\r\nConnection: keep-alive\r\n"), std::string::npos);
  EXPECT_EQ(write(Response(), {false, true, false}).find("Connection"), std::string::npos);
}

// RFC 9110 6.4.1, 8.6, 9.3.2, 15.3.5, 15.3.6, 15.4.5
TEST(ResponseWriter, LeavesBodiesOut) {
  const std::string head = write(Response::text("abc"), {true, true, false});
  EXPECT_NE(head.find("Content-Length: 3\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"), std::string::npos);
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  for (const Status status : {Status::no_content, Status::not_modified}) {
    const std::string text = write(Response::text("abc", status));
    EXPECT_EQ(text.find("Content-"), std::string::npos);
    EXPECT_TRUE(text.ends_with("\r\n\r\n"));
  }
  const std::string reset = write(Response::text("abc", Status::reset_content));
  EXPECT_NE(reset.find("Content-Length: 0\r\n\r\n"), std::string::npos);
  EXPECT_TRUE(reset.ends_with("\r\n\r\n"));
}

TEST(ResponseWriter, WritesEveryStatus) {
  EXPECT_TRUE(write(Response(static_cast<Status>(299))).starts_with("HTTP/1.1 299 \r\nServer: prefork\r\n"));
  for (unsigned number = 200; number < 600; ++number) {
    const auto status = static_cast<Status>(number);
    const std::string line =
        "HTTP/1.1 " + std::to_string(number) + " " + std::string(reason(status)) + "\r\nServer: prefork\r\n";
    EXPECT_TRUE(write(Response(status)).starts_with(line)) << number;
  }
}

TEST(ResponseWriter, SmallAndLargeAreWrittenAlike) {
  const Response empty = Response::text("");
  const std::string head = write(empty);
  for (std::size_t size = 1; size < 1200; ++size) {
    const std::string text = write(Response::text(std::string(size, 'x')).add("A", std::string(size % 97, 'y')));
    std::string expected = head;
    expected.replace(expected.find("Content-Length: 0"), 17, "Content-Length: " + std::to_string(size));
    expected.insert(expected.size() - 2, "A: " + std::string(size % 97, 'y') + "\r\n");
    ASSERT_EQ(text, expected + std::string(size, 'x'));
  }
}

TEST(ResponseWriter, AppendsToWhatIsThere) {
  std::string out = "before";
  append_response(out, Response(), {}, kDate);
  EXPECT_TRUE(out.starts_with("beforeHTTP/1.1 200 OK\r\n"));
}

// RFC 9110 5.6.7
TEST(DateCache, FormatsDates) {
  const auto date = [](std::time_t when) {
    std::string text(29, ' ');
    write_http_date(when, text.data());
    return text;
  };
  EXPECT_EQ(date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(date(951827696), "Tue, 29 Feb 2000 12:34:56 GMT");
  EXPECT_EQ(date(4102444799), "Thu, 31 Dec 2099 23:59:59 GMT");
}

TEST(DateCache, FormatsOnceASecond) {
  DateCache cache;
  EXPECT_EQ(cache.line(784111777), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  EXPECT_EQ(cache.line(784111777), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  EXPECT_EQ(cache.line(784111778), "Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n");
  EXPECT_EQ(cache.line(0), "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n");
}

TEST(EscapeHtml, EscapesWhatHasAMeaning) {
  EXPECT_EQ(escape_html("<a href=\"x\">'&'</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  EXPECT_EQ(escape_html("plain \xc3\xa9"), "plain \xc3\xa9");
}

}  // namespace
}  // namespace prefork::http
