// Goal: the server meets the requirements of RFC 9110 13 on an origin server: each precondition, and their order.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/framework/http/rfc_rows.hpp"
#include "tests/framework/http/server/rfc9110_service.hpp"

namespace prefork::http::test {
namespace {

using testkit::ServiceTester;
using namespace std::string_literals;

const std::string kSame = "Sun, 06 Nov 1994 08:49:37 GMT";
const std::string kBefore = "Sun, 06 Nov 1994 08:49:36 GMT";
const std::string kAfter = "Sun, 06 Nov 1994 08:49:38 GMT";
const std::string kAll = std::string(kLetters);

/// Rows of one section that ask with one more field.
class Table {
 public:
  Table& add(std::string_view section, std::string_view requirement, const std::string& method_and_target,
             const std::string& fields, unsigned status) {
    rows_.push_back({section, requirement, asks(method_and_target, fields), {{status}}});
    return *this;
  }
  /// Runs them, and says how often something was changed.
  int check_all() {
    auto tester = ServiceTester::of<Library>();
    check(tester, rows_);
    return static_cast<Library&>(tester.service()).written;
  }

 private:
  std::vector<Row> rows_;
};

TEST(Rfc9110, IfMatch) {
  const std::string use = "13.1.1";
  Table table;
  table.add(use, "one of the tags", "PUT /file", "If-Match: \"a\"", 204)
      .add(use, "one of a list", "PUT /file", "If-Match: \"x\", \"a\"", 204)
      .add(use, "one of several lines", "PUT /file", "If-Match: \"x\"\r\nIf-Match: \"a\"", 204)
      .add(use, "* is any representation", "PUT /file", "If-Match: *", 204)
      .add(use, "* also without a validator", "PUT /bare", "If-Match: *", 204)
      .add(use, "met: GET as without it", "GET /file", "If-Match: \"a\"", 200);
  EXPECT_EQ(table.check_all(), 5);
  Table unmet;
  for (const char* method : {"PUT", "POST", "DELETE", "PATCH"})
    unmet.add(use, "the method is not performed", method + " /file"s, "If-Match: \"x\"", 412);
  unmet.add(use, "so with GET", "GET /file", "If-Match: \"x\"", 412)
      .add(use, "comparison is strong: a weak tag of the client", "PUT /file", "If-Match: W/\"a\"", 412)
      .add(use, "comparison is strong: a weak tag of the server", "PUT /weak", "If-Match: W/\"a\"", 412)
      .add(use, "comparison is strong: a weak tag is no strong one", "PUT /weak", "If-Match: \"a\"", 412)
      .add(use, "no validator, no match", "PUT /bare", "If-Match: \"a\"", 412)
      .add(use, "* without a representation", "PUT /new", "If-Match: *", 412)
      .add(use, "a tag without a representation", "PUT /new", "If-Match: \"a\"", 412);
  EXPECT_EQ(unmet.check_all(), 0);
}

TEST(Rfc9110, IfNoneMatch) {
  const std::string use = "13.1.2";
  Table table;
  table.add(use, "the tag: 304", "GET /file", "If-None-Match: \"a\"", 304)
      .add(use, "one of a list", "GET /file", "If-None-Match: \"x\", \"a\"", 304)
      .add(use, "one of several lines", "GET /file", "If-None-Match: \"x\"\r\nIf-None-Match: \"a\"", 304)
      .add(use, "* is any representation", "GET /bare", "If-None-Match: *", 304)
      .add(use, "comparison is weak: a weak tag of the client", "GET /file", "If-None-Match: W/\"a\"", 304)
      .add(use, "comparison is weak: a weak tag of the server", "GET /weak", "If-None-Match: \"a\"", 304)
      .add(use, "comparison is weak: two weak tags", "GET /weak", "If-None-Match: W/\"a\"", 304)
      .add(use, "no tag matches", "GET /file", "If-None-Match: \"x\", \"y\"", 200);
  for (const char* method : {"PUT", "POST", "DELETE", "PATCH"}) {
    table.add(use, "other methods: 412, and nothing is done", method + " /file"s, "If-None-Match: \"a\"", 412)
        .add(use, "so with *", method + " /file"s, "If-None-Match: *", 412);
  }
  EXPECT_EQ(table.check_all(), 0);
  Table met;
  met.add(use, "* without a representation", "PUT /new", "If-None-Match: *", 204)
      .add(use, "a tag without a representation", "PUT /new", "If-None-Match: \"a\"", 204)
      .add(use, "no tag matches", "PUT /file", "If-None-Match: \"x\"", 204);
  EXPECT_EQ(met.check_all(), 3);
}

TEST(Rfc9110, IfModifiedSince) {
  const std::string use = "13.1.3", field = "If-Modified-Since: ";
  Table table;
  table.add(use, "not changed since", "GET /file", field + kSame, 304)
      .add(use, "not changed since, by the server's clock: a date to come", "GET /file",
           field + "Fri, 31 Dec 9999 23:59:59 GMT", 304)
      .add(use, "changed since", "GET /file", field + kBefore, 200)
      .add("5.6.7", "a date of RFC 850", "GET /file", field + "Sunday, 06-Nov-94 08:49:37 GMT", 304)
      .add("5.6.7", "two digits far ahead are the past", "GET /file", field + "Saturday, 06-Nov-93 08:49:37 GMT", 200)
      .add("5.6.7", "a date of asctime", "GET /file", field + "Sun Nov  6 08:49:37 1994", 304)
      .add(use, "ignored beside If-None-Match", "GET /file", field + kSame + "\r\nIf-None-Match: \"x\"", 200)
      .add(use, "ignored where it is no date", "GET /file", field + "yesterday", 200)
      .add(use, "ignored where it is a number", "GET /file", field + "784111777", 200)
      .add(use, "ignored where it is empty", "GET /file", field, 200)
      .add(use, "ignored where it is a list", "GET /file", field + kSame + ", " + kSame, 200)
      .add(use, "ignored where there are several lines", "GET /file", field + kSame + "\r\n" + field + kSame, 200)
      .add(use, "ignored without a date of the representation", "GET /tagged", field + kSame, 200);
  for (const char* method : {"PUT", "POST", "DELETE", "PATCH"})
    table.add(use, "ignored with other methods", method + " /file"s, field + kSame, 204);
  EXPECT_EQ(table.check_all(), 4);
}

TEST(Rfc9110, IfUnmodifiedSince) {
  const std::string use = "13.1.4", field = "If-Unmodified-Since: ";
  Table table;
  for (const char* method : {"PUT", "POST", "DELETE", "PATCH"})
    table.add(use, "changed since: the method is not performed", method + " /file"s, field + kBefore, 412);
  table.add(use, "so with GET", "GET /file", field + kBefore, 412)
      .add("5.6.7", "a date of RFC 850", "PUT /file", field + "Sunday, 06-Nov-94 08:49:36 GMT", 412)
      .add("5.6.7", "a date of asctime", "PUT /file", field + "Sun Nov  6 08:49:36 1994", 412);
  EXPECT_EQ(table.check_all(), 0);
  Table met;
  met.add(use, "not changed since", "PUT /file", field + kSame, 204)
      .add(use, "not changed since", "PUT /file", field + kAfter, 204)
      .add(use, "ignored beside If-Match", "PUT /file", field + kBefore + "\r\nIf-Match: \"a\"", 204)
      .add(use, "ignored where it is no date", "PUT /file", field + "yesterday", 204)
      .add(use, "ignored where it is empty", "PUT /file", field, 204)
      .add(use, "ignored where it is a list", "PUT /file", field + kBefore + ", " + kBefore, 204)
      .add(use, "ignored where there are several lines", "PUT /file", field + kBefore + "\r\n" + field + kBefore, 204)
      .add(use, "ignored without a date of the representation", "PUT /tagged", field + kBefore, 204);
  EXPECT_EQ(met.check_all(), 8);
}

TEST(Rfc9110, IfRange) {
  const std::string use = "13.1.5", range = "Range: bytes=0-1\r\n", field = "If-Range: ";
  Table table;
  table.add(use, "met by the tag", "GET /file", range + field + "\"a\"", 206)
      .add(use, "met by the date", "GET /file", range + field + kSame, 206)
      .add(use, "another tag: Range is ignored", "GET /file", range + field + "\"x\"", 200)
      .add(use, "comparison is strong: a weak tag of the client", "GET /file", range + field + "W/\"a\"", 200)
      .add(use, "comparison is strong: a weak tag of the server", "GET /weak", range + field + "W/\"a\"", 200)
      .add(use, "a date before is another one", "GET /file", range + field + kBefore, 200)
      .add(use, "a date after is another one", "GET /file", range + field + kAfter, 200)
      .add(use, "a date where the representation has none", "GET /tagged", range + field + kSame, 200)
      .add(use, "a tag where the representation has none", "GET /dated", range + field + "\"a\"", 200)
      .add(use, "neither tag nor date", "GET /file", range + field + "a", 200)
      .add(use, "a list is no tag", "GET /file", range + field + "\"a\", \"b\"", 200)
      .add(use, "unmet, a range beyond the end is ignored too", "GET /file", "Range: bytes=99-\r\nIf-Range: \"x\"", 200)
      .add(use, "met, a range beyond the end is not satisfied", "GET /file", "Range: bytes=99-\r\nIf-Range: \"a\"", 416)
      .add(use, "ignored without Range", "GET /file", field + "\"x\"", 200)
      .add(use, "ignored where ranges are not supported", "GET /no-ranges", range + field + "\"a\"", 200)
      .add(use, "ignored with a method that has no ranges", "PUT /file", range + field + "\"x\"", 204);
  EXPECT_EQ(table.check_all(), 1);
}

TEST(Rfc9110, WhenPreconditionsAreEvaluated) {
  const std::string use = "13.2.1";
  Table table;
  for (const char* method : {"OPTIONS", "TRACE"}) {
    table.add(use, "no meaning where nothing is selected or changed", method + " /file"s, "If-Match: \"x\"", 204)
        .add(use, "no meaning where nothing is selected or changed", method + " /file"s, "If-None-Match: *", 204)
        .add(use, "no meaning where nothing is selected or changed", method + " /file"s,
             "If-Unmodified-Since: " + kBefore, 204);
  }
  table.add(use, "ignored where there is no route", "GET /none", "If-Match: \"x\"", 404)
      .add(use, "ignored where there is no route", "GET /none", "If-None-Match: *", 404)
      .add(use, "ignored where the method is not allowed", "PUT /moved", "If-Match: \"x\"", 405)
      .add(use, "ignored where the method is not known", "SPAM /file", "If-Match: \"x\"", 501)
      .add(use, "ignored where the answer is a redirect", "GET /moved", "If-None-Match: *", 301)
      .add(use, "ignored with OPTIONS *", "OPTIONS *", "If-Match: \"x\"", 204);
  table.check_all();

  auto tester = ServiceTester::of<Library>();
  const std::string body = "Expect: 100-continue\r\nContent-Length: 5\r\n";
  check(tester,
        {{use,
          "evaluated before the content is processed",
          asks("PUT /upload", body + "If-Match: \"x\""),
          {{412}},
          After::closed},
         {use, "met, the content is asked for", asks("PUT /upload", body + "If-Match: \"a\"") + "hello", {{204}}}});
  EXPECT_EQ(static_cast<Library&>(tester.service()).read, 1);
}

/// RFC 9110 13.2.2, written down step by step; each condition is absent, true or false.
enum Condition { absent, met, unmet };

unsigned in_order(const std::string& method, Condition if_match, Condition unmodified, Condition none_match,
                  Condition modified, Condition range) {
  const bool reads = method != "PUT";
  if (if_match == unmet) return 412;                                   // 1
  if (if_match == absent && unmodified == unmet) return 412;           // 2
  if (none_match == unmet) return reads ? 304 : 412;                   // 3
  if (reads && none_match == absent && modified == unmet) return 304;  // 4
  if (method == "GET" && range == met) return 206;                     // 5
  return reads ? 200 : 204;                                            // 6
}

TEST(Rfc9110, OrderOfPreconditions) {
  auto tester = ServiceTester::of<Library>();
  const std::string range = "Range: bytes=0-1\r\n";
  const std::vector<std::string> if_match = {"", "If-Match: \"a\"\r\n", "If-Match: \"x\"\r\n"};
  const std::vector<std::string> unmodified = {"", "If-Unmodified-Since: " + kSame + "\r\n",
                                               "If-Unmodified-Since: " + kBefore + "\r\n"};
  const std::vector<std::string> none_match = {"", "If-None-Match: \"x\"\r\n", "If-None-Match: \"a\"\r\n"};
  const std::vector<std::string> modified = {"", "If-Modified-Since: " + kBefore + "\r\n",
                                             "If-Modified-Since: " + kSame + "\r\n"};
  const std::vector<std::string> if_range = {"", range + "If-Range: \"a\"\r\n", range + "If-Range: \"x\"\r\n"};
  std::vector<Row> rows;
  for (const std::string method : {"GET", "HEAD", "PUT"}) {
    for (int i = 0; i < 3 * 3 * 3 * 3 * 3; ++i) {
      const int a = i % 3, b = i / 3 % 3, c = i / 9 % 3, d = i / 27 % 3, e = i / 81;
      // The last one first: the order of the lines is not the order of evaluation.
      const std::string fields = if_range[e] + modified[d] + none_match[c] + unmodified[b] + if_match[a];
      const unsigned status = in_order(method, Condition(a), Condition(b), Condition(c), Condition(d), Condition(e));
      rows.push_back({"13.2.2",
                      "the order of evaluation",
                      asks(method + " /file", fields + "X: 1"),
                      {{status, {}, {}, method == "HEAD"}}});
    }
  }
  check(tester, rows);
}

TEST(Rfc9110, NotModified) {
  auto tester = ServiceTester::of<Library>();
  const std::vector<std::string> of_the_whole = {"ETag: \"a\"", "Cache-Control: max-age=60", "Vary: Accept-Encoding",
                                                 "Date",        "!Content-Length",           "!Content-Type"};
  check(tester,
        {
            {"15.4.5",
             "304 has the fields that a cache needs",
             asks("GET /file", "If-None-Match: \"a\""),
             {{304, "", of_the_whole}}},
            {"15.4.5", "so to HEAD", asks("HEAD /file", "If-None-Match: \"a\""), {{304, "", of_the_whole, true}}},
            {"15.4.5",
             "a date where there is no tag",
             asks("GET /dated", "If-Modified-Since: " + kSame),
             {{304, "", {"Last-Modified: " + kSame, "!ETag"}}}},
            {"13.2.1",
             "unmet, the answer is that of the method",
             asks("GET /file", "If-None-Match: \"x\""),
             {{200, kAll, {"ETag: \"a\"", "Last-Modified: " + kSame}}}},
        });
}

}  // namespace
}  // namespace prefork::http::test
