// RFC 9110 13.2.2, 14.2, 15.3.7, 15.4.5, 15.5.13, 15.5.17.
#include <prefork/http/send_file.hpp>

#include <gtest/gtest.h>

#include <stdexcept>

#include "framework/http/wire/response_parts.hpp"
#include "tests/framework/http/message/field_lines.hpp"
#include "tests/framework/http/message/parsed_request.hpp"

namespace prefork::http::test {
namespace {

FileContent content() {
  FileContent file;
  std::string text;
  for (int i = 0; i < 1000; ++i) text.push_back(static_cast<char>('a' + i % 26));
  file.source = std::make_shared<const std::string>(text);
  file.media_type = "text/plain";
  file.etag = "\"a\"";
  file.last_modified = 784'111'777;
  file.cache_control = "max-age=60";
  file.vary = "Accept-Encoding";
  return file;
}

std::string body_of(const Response& response) {
  if (ResponseParts::special(response) == nullptr) return std::string(response.body());
  std::string body;
  for (const BodyPart& part : ResponseParts::special(response)->parts) {
    if (const auto* text = std::get_if<std::string>(&part)) body += *text;
    if (const auto* bytes = std::get_if<SharedBytes>(&part)) body += **bytes;
  }
  return body;
}

Response ask(std::initializer_list<std::string_view> fields, const char* method = "GET") {
  return PreparedFile(content()).answer(ParsedRequest(std::string(method) + " /", fields));
}

TEST(SendFile, WholeIsSharedAndSaysAllAboutItself) {
  const PreparedFile file(content());
  const Response response = file.answer(ParsedRequest("GET /"));
  EXPECT_EQ(response.status(), Status::ok);
  EXPECT_EQ(field_lines(response),
            "Content-Type: text/plain\r\nETag: \"a\"\r\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Accept-Ranges: bytes\r\nCache-Control: max-age=60\r\nVary: Accept-Encoding\r\n");
  EXPECT_EQ(std::get<SharedBytes>(ResponseParts::special(response)->parts.at(0)),
            std::get<SharedBytes>(file.content().source));
}

TEST(SendFile, NamesItsCoding) {
  FileContent coded = content();
  coded.content_encoding = "br";
  EXPECT_EQ(PreparedFile(coded).whole().header("Content-Encoding"), "br");
}

TEST(SendFile, NotModifiedHasTheFieldsOf15_4_5) {
  const Response response = ask({"If-None-Match: \"a\""});
  EXPECT_EQ(response.status(), Status::not_modified);
  EXPECT_EQ(field_lines(response), "ETag: \"a\"\r\nCache-Control: max-age=60\r\nVary: Accept-Encoding\r\n");
  EXPECT_EQ(body_of(response), "");
  FileContent dated = content();
  dated.etag.clear();
  const Response by_date =
      send_file(ParsedRequest("GET /", {"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"}), dated);
  EXPECT_EQ(by_date.header("Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(SendFile, PreconditionFailed) {
  const Response response = ask({"If-Match: \"b\""});
  EXPECT_EQ(response.status(), Status::precondition_failed);
  EXPECT_FALSE(response.header("ETag"));
}

TEST(SendFile, OneRange) {
  const Response response = ask({"Range: bytes=1-3"});
  EXPECT_EQ(response.status(), Status::partial_content);
  EXPECT_EQ(response.header("Content-Range"), "bytes 1-3/1000");
  EXPECT_EQ(response.header("ETag"), "\"a\"");
  EXPECT_EQ(response.header("Content-Type"), "text/plain");
  EXPECT_EQ(body_of(response), "bcd");
}

TEST(SendFile, SeveralRanges) {
  const Response response = ask({"Range: bytes=0-1,500-501"});
  EXPECT_EQ(response.status(), Status::partial_content);
  EXPECT_FALSE(response.header("Content-Range")) << "15.3.7.2";
  const std::string type(response.header("Content-Type").value_or(""));
  ASSERT_EQ(type.rfind("multipart/byteranges; boundary=", 0), 0U) << type;
  const std::string boundary = type.substr(type.find('=') + 1);
  EXPECT_EQ(body_of(response),
            "--" + boundary + "\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/1000\r\n\r\nab\r\n--" +
                boundary + "\r\nContent-Type: text/plain\r\nContent-Range: bytes 500-501/1000\r\n\r\ngh\r\n--" +
                boundary + "--\r\n");
}

TEST(SendFile, OneOfSeveralIsNoMultipart) {
  EXPECT_EQ(ask({"Range: bytes=0-1,5000-"}).header("Content-Range"), "bytes 0-1/1000");
}

TEST(SendFile, RangeNotSatisfiable) {
  const Response response = ask({"Range: bytes=1000-"});
  EXPECT_EQ(response.status(), Status::range_not_satisfiable);
  EXPECT_EQ(response.header("Content-Range"), "bytes */1000");
}

TEST(SendFile, RangesThatDoNotApply) {
  for (const char* range : {"Range: bytes=5-4", "Range: lines=1-2", "Range: x"})
    EXPECT_EQ(ask({range}).status(), Status::ok) << range;
  EXPECT_EQ(ask({"Range: bytes=0-1", "If-Range: \"b\""}).status(), Status::ok) << "13.2.2, step 5";
  EXPECT_EQ(ask({"Range: bytes=9000-", "If-Range: \"b\""}).status(), Status::ok) << "13.2.2, step 5";
  EXPECT_EQ(ask({"Range: bytes=0-1", "If-Range: \"a\""}).status(), Status::partial_content);
  EXPECT_EQ(ask({"Range: bytes=0-1"}, "HEAD").status(), Status::ok) << "14.2";
  EXPECT_EQ(ask({"Range: bytes=0-1", "If-None-Match: \"a\""}).status(), Status::not_modified) << "14.2, last";
  EXPECT_EQ(ask({"If-None-Match: \"a\""}, "HEAD").status(), Status::not_modified);
  EXPECT_EQ(ask({"If-None-Match: \"a\"", "Range: bytes=0-1"}, "POST").status(), Status::ok);
}

TEST(SendFile, EmptyFile) {
  FileContent empty;
  empty.source = std::make_shared<const FileHandle>(-1);
  const Response response = send_file(ParsedRequest("GET /", {"Range: bytes=-5"}), empty);
  EXPECT_EQ(response.status(), Status::ok);
  EXPECT_EQ(ResponseParts::special(response), nullptr);
  EXPECT_EQ(send_file(ParsedRequest("GET /", {"Range: bytes=0-"}), empty).header("Content-Range"), "bytes */0");
}

TEST(SendFile, PartsOfAFile) {
  FileContent file = content();
  file.source = std::make_shared<const FileHandle>(-1);
  file.size = 5000;
  const Response whole = send_file(ParsedRequest("GET /"), file);
  EXPECT_EQ(std::get<FilePart>(ResponseParts::special(whole)->parts.at(0)).bytes, 5000U);
  const Response end = send_file(ParsedRequest("GET /", {"Range: bytes=-10"}), file);
  EXPECT_EQ(std::get<FilePart>(ResponseParts::special(end)->parts.at(0)).offset, 4990U);
  EXPECT_EQ(std::get<FilePart>(ResponseParts::special(end)->parts.at(0)).bytes, 10U);
}

TEST(SendFile, LeavesOutDatesThatItMayNotSend) {
  for (const std::time_t when : {std::time(nullptr) + 1000, std::time_t{-5}, std::time_t{1'000'000'000'000}}) {
    FileContent odd = content();
    odd.last_modified = when;
    EXPECT_FALSE(PreparedFile(odd).whole().header("Last-Modified")) << "8.8.2.1: " << when;
  }
}

TEST(SendFile, RefusesInjection) {
  FileContent odd = content();
  odd.cache_control = "a\r\nX: y";
  EXPECT_THROW(PreparedFile{odd}, std::invalid_argument);
}

}  // namespace
}  // namespace prefork::http::test
