// Goal: the server meets the requirements of RFC 9110 14 on an origin server, and of 15.3.7 and 15.5.17 on its answers.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/framework/http/rfc_rows.hpp"
#include "tests/framework/http/server/rfc9110_service.hpp"

namespace prefork::http::test {
namespace {

using testkit::ServiceTester;

const std::string kAll = std::string(kLetters);
const std::string kHuge = "99999999999999999999999999999999";

Reply whole() { return {200, kAll, {"!Content-Range", "Content-Length: 26"}}; }
Reply part(const std::string& range, const std::string& bytes) {
  return {206, bytes, {"Content-Range: bytes " + range + "/26"}};
}
Reply none() { return {416, {}, {"Content-Range: bytes */26"}}; }

struct Case {
  std::string_view section;
  std::string_view requirement;
  std::string range;
  Reply reply;
};

void check_cases(const std::vector<Case>& cases) {
  auto tester = ServiceTester::of<Library>();
  std::vector<Row> rows;
  for (const Case& c : cases)
    rows.push_back({c.section, c.requirement, asks("GET /file", "Range: " + c.range), {c.reply}});
  check(tester, rows);
}

TEST(Rfc9110, RangeSpecifiers) {
  check_cases({
      {"14.1.2", "first and last, both included", "bytes=2-4", part("2-4", "cde")},
      {"14.1.2", "one byte", "bytes=0-0", part("0-0", "a")},
      {"14.1.2", "from the first on", "bytes=24-", part("24-25", "yz")},
      {"14.1.2", "a last one beyond the end is the end", "bytes=24-99", part("24-25", "yz")},
      {"14.1.2", "the last bytes", "bytes=-2", part("24-25", "yz")},
      {"14.1.2", "more last bytes than there are: all", "bytes=-99", part("0-25", kAll)},
      {"14.1.2", "a great last one does not overflow", "bytes=24-" + kHuge, part("24-25", "yz")},
      {"14.1.2", "not by one either", "bytes=24-18446744073709551616", part("24-25", "yz")},
      {"14.1.2", "a great number of last bytes does not overflow", "bytes=-" + kHuge, part("0-25", kAll)},
      {"14.1.2", "nor does 2^64 + 1", "bytes=-18446744073709551617", part("0-25", kAll)},
      {"14.1.2", "a great first one does not overflow", "bytes=" + kHuge + "-", none()},
      {"14.1.2", "nor does 2^64", "bytes=18446744073709551616-", none()},
      {"14.1", "names of units are case-insensitive", "BYTES=0-0", part("0-0", "a")},
      {"5.6.1.2", "empty members of the list are nothing", "bytes=,0-0,,", part("0-0", "a")},
  });
}

TEST(Rfc9110, RangesThatAreIgnored) {
  check_cases({
      {"14.2", "a unit that is not known", "lines=0-0", whole()},
      {"14.2", "a unit that begins alike", "bytes2=0-0", whole()},
      {"14.1.1", "a last one before the first is invalid", "bytes=4-2", whole()},
      {"14.1.1", "one that is invalid makes all invalid", "bytes=0-0,4-2", whole()},
      {"14.2 (may)", "what is no range", "bytes=a-b", whole()},
      {"14.2 (may)", "what is no number", "bytes=-", whole()},
      {"14.2 (may)", "a sign is no digit", "bytes=+0-1", whole()},
      {"14.2 (may)", "without a unit", "0-0", whole()},
      {"14.2 (may)", "without a range", "bytes=", whole()},
      {"14.2 (may)", "two lines", "bytes=0-0\r\nRange: bytes=1-1", whole()},
      {"14.2 (may)", "many", "bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15,16-16",
       whole()},
  });
  auto tester = ServiceTester::of<Library>();
  const std::string range = "Range: bytes=0-0";
  check(
      tester,
      {
          {"14.2", "with HEAD", asks("HEAD /file", range), {{200, "", {"Content-Length: 26"}, true}}},
          {"14.2", "with a method that has no ranges", asks("PUT /file", range), {{204}}},
          {"14.2", "with a method that is not known", asks("SPAM /file", range), {{501}}},
          {"14.2 (may)",
           "where ranges are not supported",
           asks("GET /no-ranges", range),
           {{200, kAll, {"!Content-Range"}}}},
          {"14.2 (may)",
           "where there is nothing to take a part of",
           asks("GET /empty", "Range: bytes=-1"),
           {{200, "", {"!Content-Range"}}}},
          {"14.2", "where the answer is not 200: 404", asks("GET /none", range), {{404}}},
          {"14.2", "where the answer is not 200: 301", asks("GET /moved", range), {{301}}},
          {"14.2", "where the answer is not 200: 304", asks("GET /file", range + "\r\nIf-None-Match: \"a\""), {{304}}},
          {"14.2", "where the answer is not 200: 412", asks("GET /file", range + "\r\nIf-Match: \"x\""), {{412}}},
          {"14.4",
           "Content-Range with a method that has no use for it",
           asks("GET /file", "Content-Range: bytes 0-0/26"),
           {whole()}},
      });
}

TEST(Rfc9110, RangesThatAreSent) {
  auto tester = ServiceTester::of<Library>();
  const std::vector<std::string> as_in_200 = {"Date",
                                              "ETag: \"a\"",
                                              "Cache-Control: max-age=60",
                                              "Vary: Accept-Encoding",
                                              "Content-Type: text/plain",
                                              "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"};
  std::vector<std::string> single = as_in_200;
  single.insert(single.end(), {"Content-Range: bytes 0-1/26", "Content-Length: 2"});
  check(tester,
        {
            {"14.3 (may)", "ranges are offered", asks("GET /file", "X: 1"), {{200, kAll, {"Accept-Ranges: bytes"}}}},
            {"15.3.7", "206 has the fields of 200", asks("GET /file", "Range: bytes=0-1"), {{206, "ab", single}}},
            {"15.3.7",
             "also by If-Range",
             asks("GET /file", "Range: bytes=0-1\r\nIf-Range: \"a\""),
             {{206, "ab", single}}},
            {"15.3.7.2",
             "what becomes one range is no multipart",
             asks("GET /file", "Range: bytes=0-1,1-1"),
             {{206, "ab", single}}},
            {"15.3.7.2",
             "what is one range by the end is no multipart",
             asks("GET /file", "Range: bytes=0-1,99-"),
             {{206, "ab", single}}},
            {"14.2, 15.5.17",
             "no range can be satisfied: 416 and the length",
             asks("GET /file", "Range: bytes=26-,99-100"),
             {none()}},
            {"14.1.2", "no last bytes can't be satisfied", asks("GET /file", "Range: bytes=-0"), {none()}},
            {"14.1.2",
             "a first one in nothing can't be satisfied",
             asks("GET /empty", "Range: bytes=0-"),
             {{416, {}, {"Content-Range: bytes */0"}}}},
        });
}

TEST(Rfc9110, SeveralRanges) {
  auto tester = ServiceTester::of<Library>();
  const testkit::Answer answer = tester.request("GET", "/spaced", {}, {{"Range", "bytes=0-1,98-99"}});
  EXPECT_EQ(answer.status, 206U);
  EXPECT_FALSE(answer.header("Content-Range")) << "15.3.7.2: it would be a range of all parts";
  EXPECT_EQ(answer.header("ETag"), "\"a\"") << "15.3.7";
  const std::string type(answer.header("Content-Type").value_or(""));
  const std::string prefix = "multipart/byteranges; boundary=";
  ASSERT_TRUE(type.starts_with(prefix)) << "15.3.7.2: " << type;
  const std::string delimiter = "--" + type.substr(prefix.size());
  const auto body_part = [&](const std::string& range, const std::string& bytes) {
    return delimiter + "\r\nContent-Type: text/plain\r\nContent-Range: bytes " + range + "/100\r\n\r\n" + bytes +
           "\r\n";
  };
  EXPECT_EQ(answer.body, body_part("0-1", "aa") + body_part("98-99", "zz") + delimiter + "--\r\n")
      << "14.6, 15.3.7.2: each part has its range";
}

}  // namespace
}  // namespace prefork::http::test
