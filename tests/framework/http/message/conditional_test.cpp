// RFC 9110 8.8.3, 13.
#include <prefork/http/conditional.hpp>

#include <gtest/gtest.h>

#include "tests/framework/http/message/parsed_request.hpp"

namespace prefork::http::test {
namespace {

constexpr std::time_t kIn1994 = 784'111'777;
constexpr std::time_t kNow = 1'750'000'000;
constexpr auto kProceed = Precondition::proceed;
constexpr auto kNotModified = Precondition::not_modified;
constexpr auto kFailed = Precondition::failed;

TEST(EntityTag, IsReadWhole) {
  const auto strong = parse_entity_tag("\"xyzzy\"");
  ASSERT_TRUE(strong);
  EXPECT_EQ(strong->opaque, "xyzzy");
  EXPECT_FALSE(strong->weak);
  const auto weak = parse_entity_tag("W/\"\"");
  ASSERT_TRUE(weak);
  EXPECT_EQ(weak->opaque, "");
  EXPECT_TRUE(weak->weak);
  EXPECT_TRUE(parse_entity_tag("\"!#,\\\xff\""));
  for (const char* text : {"", "x", "\"x", "x\"", "\"x\"y", "w/\"x\"", "W/x", "W\"x\"", "\"a b\"", "\"a\tb\"",
                           "\"\x7f\"", "\"x\" ", "\"x\",\"y\"", "'x'"})
    EXPECT_FALSE(parse_entity_tag(text)) << text;
}

TEST(EntityTag, IsComparedAsInTheTableOf8_8_3_2) {
  const EntityTag w1{"1", true}, w2{"2", true}, s1{"1", false}, s2{"2", false};
  EXPECT_FALSE(strong_match(w1, w1));
  EXPECT_TRUE(weak_match(w1, w1));
  EXPECT_FALSE(strong_match(w1, w2));
  EXPECT_FALSE(weak_match(w1, w2));
  EXPECT_FALSE(strong_match(w1, s1));
  EXPECT_TRUE(weak_match(w1, s1));
  EXPECT_TRUE(strong_match(s1, s1));
  EXPECT_TRUE(weak_match(s1, s1));
  EXPECT_FALSE(weak_match(s1, s2));
}

struct Case {
  const char* section;
  const char* method;
  std::initializer_list<std::string_view> fields;
  Precondition expected;
};

const Validators kOwn{"\"a\"", kIn1994};

void check(const std::vector<Case>& cases, const Validators& validators) {
  for (const Case& c : cases) {
    const ParsedRequest request(std::string(c.method) + " /", c.fields);
    std::string said = std::string(c.section) + " " + c.method;
    for (const auto field : c.fields) said.append("; ").append(field);
    EXPECT_EQ(evaluate_preconditions(request, validators, kNow), c.expected) << said;
    if (c.expected != kProceed) {
      EXPECT_TRUE(has_conditions(request)) << said;
    }
  }
}

TEST(Preconditions, OfARepresentation) {
  check(
      {
          {"13", "GET", {}, kProceed},
          {"13.1.1", "GET", {"If-Match: \"a\""}, kProceed},
          {"13.1.1", "GET", {"If-Match: *"}, kProceed},
          {"13.1.1", "GET", {"If-Match: \"b\""}, kFailed},
          {"13.1.1", "PUT", {"If-Match: \"b\""}, kFailed},
          {"13.1.1", "PUT", {"If-Match: \"b\", \"a\""}, kProceed},
          {"13.1.1", "GET", {"if-match: \"b\"", "IF-MATCH: \"a\""}, kProceed},
          {"13.1.1, strong", "GET", {"If-Match: W/\"a\""}, kFailed},
          {"13.1.1", "GET", {"If-Match: a"}, kFailed},
          {"13.1.1", "GET", {"If-Match:"}, kFailed},
          {"13.1.2", "GET", {"If-None-Match: \"a\""}, kNotModified},
          {"13.1.2", "HEAD", {"If-None-Match: \"a\""}, kNotModified},
          {"13.1.2", "PUT", {"If-None-Match: \"a\""}, kFailed},
          {"13.1.2", "DELETE", {"If-None-Match: *"}, kFailed},
          {"13.1.2", "GET", {"If-None-Match: *"}, kNotModified},
          {"13.1.2, weak", "GET", {"If-None-Match: W/\"a\""}, kNotModified},
          {"13.1.2", "GET", {"If-None-Match: \"b\""}, kProceed},
          {"13.1.2", "GET", {"If-None-Match: \"b\",W/\"c\" ,\t\"a\""}, kNotModified},
          {"5.6.1.2, empty members", "GET", {"If-None-Match: , ,\"b\",,\"a\","}, kNotModified},
          {"13.1.2, a comma in a tag", "GET", {"If-None-Match: \"b,\\\",\"a\""}, kNotModified},
          {"13.1.2, a tag in a tag", "GET", {"If-None-Match: \"b\"\"a\""}, kProceed},
          {"13.1.2, broken", "GET", {"If-None-Match: x, \"a\""}, kProceed},
          {"13.1.3", "GET", {"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"}, kNotModified},
          {"13.1.3", "GET", {"If-Modified-Since: Sun, 06 Nov 1994 08:49:38 GMT"}, kNotModified},
          {"13.1.3", "GET", {"If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT"}, kProceed},
          {"13.1.3", "HEAD", {"If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT"}, kNotModified},
          {"13.1.3, other methods", "POST", {"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"}, kProceed},
          {"13.1.3, no date", "GET", {"If-Modified-Since: yesterday"}, kProceed},
          {"13.1.3, two", "GET", {"If-Modified-Since: Sun Nov  6 08:49:37 1994", "If-Modified-Since: x"}, kProceed},
          {"13.1.3, ignored", "GET", {"If-None-Match: \"b\"", "If-Modified-Since: Sun Nov  6 08:49:37 1994"}, kProceed},
          {"13.1.4", "GET", {"If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT"}, kProceed},
          {"13.1.4", "GET", {"If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT"}, kFailed},
          {"13.1.4", "PUT", {"If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT"}, kFailed},
          {"13.1.4, no date", "GET", {"If-Unmodified-Since: 0"}, kProceed},
          {"13.1.4, ignored", "GET", {"If-Match: \"a\"", "If-Unmodified-Since: Sun Nov  6 08:49:36 1994"}, kProceed},
          {"13.2.1", "OPTIONS", {"If-Match: \"b\""}, kProceed},
          {"13.2.1", "TRACE", {"If-None-Match: *"}, kProceed},
          {"13.2.2, order", "GET", {"If-None-Match: \"a\"", "If-Match: \"b\""}, kFailed},
          {"13.2.2, order", "GET", {"If-None-Match: \"a\"", "If-Match: \"a\""}, kNotModified},
          {"13.2.2, order", "GET", {"If-None-Match: *", "If-Unmodified-Since: Sun Nov  6 08:49:36 1994"}, kFailed},
      },
      kOwn);
}

TEST(Preconditions, OfWhatIsNotThere) {
  Validators nothing;
  nothing.exists = false;
  check(
      {
          {"13.1.1", "PUT", {"If-Match: *"}, kFailed},
          {"13.1.1", "PUT", {"If-Match: \"a\""}, kFailed},
          {"13.1.2", "PUT", {"If-None-Match: *"}, kProceed},
          {"13.1.3, no date of its own", "GET", {"If-Modified-Since: Sun Nov  6 08:49:37 1994"}, kProceed},
          {"13.1.4, no date of its own", "PUT", {"If-Unmodified-Since: Sun Nov  6 08:49:37 1994"}, kProceed},
      },
      nothing);
}

TEST(Preconditions, OfAWeakTag) {
  check(
      {
          {"13.1.1", "GET", {"If-Match: W/\"a\""}, kFailed},
          {"13.1.1", "GET", {"If-Match: \"a\""}, kFailed},
          {"13.1.2", "GET", {"If-None-Match: \"a\""}, kNotModified},
      },
      Validators{"W/\"a\"", {}});
}

TEST(IfRange, DecidesWhetherRangeApplies) {
  const auto applies = [](std::initializer_list<std::string_view> fields, const Validators& validators,
                          const char* method = "GET") {
    return applicable_range(ParsedRequest(std::string(method) + " /", fields), validators, kNow).has_value();
  };
  const char* range = "Range: bytes=0-1";
  EXPECT_TRUE(applies({range}, kOwn));
  EXPECT_FALSE(applies({}, kOwn));
  EXPECT_FALSE(applies({range}, kOwn, "HEAD")) << "14.2";
  EXPECT_FALSE(applies({range}, kOwn, "POST")) << "14.2";
  EXPECT_FALSE(applies({range, range}, kOwn)) << "Range is no list";
  EXPECT_TRUE(applies({range, "If-Range: \"a\""}, kOwn));
  EXPECT_FALSE(applies({range, "If-Range: \"b\""}, kOwn));
  EXPECT_FALSE(applies({range, "If-Range: W/\"a\""}, kOwn)) << "13.1.5: strong";
  EXPECT_FALSE(applies({range, "If-Range: \"a\""}, {"W/\"a\"", kIn1994})) << "13.1.5: strong";
  EXPECT_FALSE(applies({range, "If-Range: \"a\"", "If-Range: \"a\""}, kOwn));
  EXPECT_FALSE(applies({range, "If-Range: \"a\", \"b\""}, kOwn)) << "no list";
  EXPECT_FALSE(applies({range, "If-Range: *"}, kOwn));
  EXPECT_TRUE(applies({range, "If-Range: Sun, 06 Nov 1994 08:49:37 GMT"}, kOwn));
  EXPECT_FALSE(applies({range, "If-Range: Sun, 06 Nov 1994 08:49:38 GMT"}, kOwn)) << "13.1.5: exactly";
  EXPECT_FALSE(applies({range, "If-Range: Sun, 06 Nov 1994 08:49:36 GMT"}, kOwn)) << "13.1.5: exactly";
  EXPECT_FALSE(applies({range, "If-Range: Sun, 06 Nov 1994 08:49:37 GMT"}, {"\"a\"", {}}));
  EXPECT_FALSE(
      applicable_range(ParsedRequest("GET /", {range, "If-Range: Sun, 06 Nov 1994 08:49:37 GMT"}), kOwn, kIn1994))
      << "8.8.2.2: within the second in which it was changed a date is weak";
}

TEST(HasConditions, NamesAllThatCount) {
  for (const char* line :
       {"If-Match: x", "if-none-match: x", "IF-MODIFIED-SINCE: x", "If-Unmodified-Since: x", "If-Range: x", "Range: x"})
    EXPECT_TRUE(has_conditions(ParsedRequest("GET /", {"Accept: */*", line}))) << line;
  EXPECT_FALSE(has_conditions(ParsedRequest("GET /", {"Pange: x", "Ig-Match: x", "Accept-Encoding: gzip, br"})));
}

}  // namespace
}  // namespace prefork::http::test
