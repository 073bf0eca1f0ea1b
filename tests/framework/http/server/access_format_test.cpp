#include "framework/http/server/access_format.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/framework/http/message/parsed_request.hpp"

namespace prefork::http {
namespace {

using test::ParsedRequest;

const AccessSource kSource{"web", "main/3"};

AccessRecord record_of(const Request* request) {
  AccessRecord record;
  record.request = request;
  record.client = "192.0.2.7:51234";
  record.body_bytes = 13;
  record.microseconds = 1'234'567;
  record.connection = 5;
  record.when = 784'111'777;
  return record;
}

std::string line(std::string_view format, const AccessRecord& record) {
  std::string out;
  AccessFormat(format).append(record, kSource, out);
  return out;
}

TEST(AccessFormat, WritesTheKnownFormats) {
  const ParsedRequest request("GET /", {"Referer: http://x/", "User-Agent: curl/8"});
  const AccessRecord record = record_of(&static_cast<const Request&>(request));
  EXPECT_EQ(line("common", record), "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET / HTTP/1.1\" 200 13\n");
  EXPECT_EQ(line("combined", record),
            "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET / HTTP/1.1\" 200 13 \"http://x/\" \"curl/8\"\n");
  EXPECT_EQ(line("json", record),
            "{\"time\":\"1994-11-06T08:49:37Z\",\"client\":\"192.0.2.7:51234\",\"method\":\"GET\",\"target\":\"/\","
            "\"protocol\":\"HTTP/1.1\",\"host\":\"h\",\"referer\":\"http://x/\",\"agent\":\"curl/8\",\"status\":200,"
            "\"bytes\":13,\"us\":1234567,\"service\":\"web\",\"worker\":\"main/3\",\"connection\":5}\n");
}

TEST(AccessFormat, WritesDirectives) {
  const ParsedRequest request("HEAD /", {"X-Id: 7"});
  AccessRecord record = record_of(&static_cast<const Request&>(request));
  Response response;
  response.set("X-Trace", "abc");
  record.response = &response;
  EXPECT_EQ(
      line("%m %U%q %H %V %>s %B %D %T %{x-id}i %{X-None}i %{x-trace}o %{service}n %{worker}n %{connection}n %% %X",
           record),
      "HEAD / HTTP/1.1 h 200 13 1234567 1 7 - abc web main/3 5 % +\n");
  record.complete = false;
  record.body_bytes = 0;
  record.client = "[2001:db8::1]:80";
  EXPECT_EQ(line("%h %b %X", record), "2001:db8::1 - X\n");
}

TEST(AccessFormat, TellsOfWhatWasNoRequest) {
  AccessRecord record = record_of(nullptr);
  record.status = Status::bad_request;
  EXPECT_EQ(line("combined", record), "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"-\" 400 13 \"-\" \"-\"\n");
  EXPECT_EQ(line("json", record).find("target"), std::string::npos);
}

TEST(AccessFormat, LetsNobodyForgeALine) {
  const ParsedRequest request("GET /", {"User-Agent: a\" 200 1\\ \xff"});
  EXPECT_EQ(line("\"%{User-Agent}i\"", record_of(&static_cast<const Request&>(request))),
            "\"a\\x22 200 1\\x5c \\xff\"\n");
  const std::string json = line("json", record_of(&static_cast<const Request&>(request)));
  EXPECT_NE(json.find("\"agent\":\"a\\\" 200 1\\\\ \\\\xff\""), std::string::npos) << json;
}

TEST(AccessFormat, KeepsUtf8InJson) {
  const std::string agent = std::string(119, 'a') + "\u00e9";
  const ParsedRequest request("GET /", {"Referer: \u00fcber\xc3\u202e\u6f22", "User-Agent: " + agent});
  const std::string json = line("json", record_of(&static_cast<const Request&>(request)));
  EXPECT_NE(json.find("\"referer\":\"\u00fcber\\\\xc3\\u202e\u6f22\""), std::string::npos) << json;
  EXPECT_NE(json.find('"' + std::string(119, 'a') + '"'), std::string::npos) << "cut between characters: " << json;
}

TEST(AccessFormat, CutsWhatIsTooLong) {
  const std::string quotes = "User-Agent: " + std::string(9'000, '"'), bytes = "Referer: " + std::string(9'000, '\xff');
  const ParsedRequest request("GET /", {quotes, bytes});
  for (const char* format : {"combined", "json"}) {
    const std::string text = line(format, record_of(&static_cast<const Request&>(request)));
    EXPECT_LE(text.size(), kMaxAccessLine) << format;
    EXPECT_EQ(text.find('\n'), text.size() - 1) << format;
  }
  EXPECT_TRUE(line("combined", record_of(&static_cast<const Request&>(request))).ends_with("...\n"));
  EXPECT_TRUE(line("json", record_of(&static_cast<const Request&>(request))).ends_with("}\n"));
}

TEST(AccessFormat, RefusesWhatIsNone) {
  for (const char* format : {"%", "%z", "%{Referer", "%{Referer}", "%{}i", "%{x}n", "%>h", "a\nb"}) {
    EXPECT_THROW(AccessFormat{format}, std::invalid_argument) << format;
  }
}

TEST(AccessFormat, TellsOfARequestWhoseWorkerIsGone) {
  AccessRecord record = record_of(nullptr);
  record.line = "GET /a?b=\"\n";
  record.status = Status::internal_server_error;
  record.body_bytes = 0;
  record.complete = false;
  record.process = 4711;
  EXPECT_EQ(line("common", record), "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b=\\x22\\x0a\" 500 -\n");
  EXPECT_EQ(line("%m %U %s %B %X %P %H %{Referer}i", record), "GET /a 500 0 X 4711 - -\n");
  EXPECT_EQ(line("json", record),
            "{\"time\":\"1994-11-06T08:49:37Z\",\"client\":\"192.0.2.7:51234\",\"method\":\"GET\","
            "\"target\":\"/a?b=\\\"\\n\",\"status\":500,\"bytes\":0,\"us\":1234567,\"service\":\"web\","
            "\"worker\":\"main/3\",\"connection\":5,\"cut\":true}\n");
  record.line = "BREW";
  EXPECT_EQ(line("%m %U", record), "BREW -\n") << "as much as there is";
}

}  // namespace
}  // namespace prefork::http
