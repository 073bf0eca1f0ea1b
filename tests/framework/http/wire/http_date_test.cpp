// RFC 9110 5.6.7.
#include <gtest/gtest.h>

#include <prefork/http/conditional.hpp>

namespace prefork::http {
namespace {

constexpr std::time_t kIn1994 = 784'111'777;  // Sun, 06 Nov 1994 08:49:37 GMT
constexpr std::time_t kNow = 1'750'000'000;   // 15 Jun 2025

TEST(HttpDate, ReadsTheThreeForms) {
  for (const char* text :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"})
    EXPECT_EQ(parse_http_date(text, kNow), kIn1994) << text;
  EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT", kNow), 0);
  EXPECT_EQ(parse_http_date("Wed Dec 31 23:59:59 1969", kNow), -1);
  EXPECT_EQ(parse_http_date("Tue, 29 Feb 2000 12:00:00 GMT", kNow), 951'825'600);
  EXPECT_EQ(parse_http_date("Fri, 31 Dec 9999 23:59:59 GMT", kNow), 253'402'300'799);
  EXPECT_EQ(parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT", kNow), 1'483'228'800) << "a leap second";
}

TEST(HttpDate, ReadsAYearOfTwoDigitsAsAtMost50YearsAhead) {
  const auto year_of = [](const char* text, std::time_t now) {
    const auto time = parse_http_date(text, now);
    return time ? format_http_date(*time).substr(12, 4) : "none";
  };
  EXPECT_EQ(year_of("Sunday, 06-Nov-94 08:49:37 GMT", kNow), "1994");
  EXPECT_EQ(year_of("Monday, 01-Jan-25 00:00:00 GMT", kNow), "2025");
  EXPECT_EQ(year_of("Monday, 01-Jan-74 00:00:00 GMT", kNow), "2074");
  EXPECT_EQ(year_of("Monday, 15-Jun-75 00:00:00 GMT", kNow), "2075");
  EXPECT_EQ(year_of("Monday, 16-Jun-75 00:00:00 GMT", kNow), "1975") << "50 years and some hours ahead";
  EXPECT_EQ(year_of("Monday, 29-Feb-24 00:00:00 GMT", kNow), "2024");
  EXPECT_EQ(year_of("Monday, 01-Jan-05 00:00:00 GMT", 3'850'000'000), "2105") << "asked in 2092";
  EXPECT_EQ(year_of("Monday, 30-Feb-24 00:00:00 GMT", kNow), "none");
}

TEST(HttpDate, RefusesAllElse) {
  for (const char* text : {"",
                           "0",
                           "784111777",
                           "Sun, 06 Nov 1994 08:49:37",
                           "Sun, 06 Nov 1994 08:49:37 UTC",
                           "Sun, 06 Nov 1994 08:49:37 GMT ",
                           " Sun, 06 Nov 1994 08:49:37 GMT",
                           "sun, 06 Nov 1994 08:49:37 GMT",
                           "Sun, 06 nov 1994 08:49:37 GMT",
                           "Sun, 6 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 94 08:49:37 GMT",
                           "Sun, 06 Nov 1994 8:49:37 GMT",
                           "Sun, 06 Nov 1994 24:00:00 GMT",
                           "Sun, 06 Nov 1994 08:60:37 GMT",
                           "Sun, 06 Nov 1994 08:49:61 GMT",
                           "Sun, 31 Nov 1994 08:49:37 GMT",
                           "Sun, 00 Nov 1994 08:49:37 GMT",
                           "Sun, 29 Feb 2001 08:49:37 GMT",
                           "Sun, 06 anF 1994 08:49:37 GMT",
                           "Sun, -6 Nov 1994 08:49:37 GMT",
                           "Sun, 06-Nov-94 08:49:37 GMT",
                           "Sunday, 06-Nov-1994 08:49:37 GMT",
                           "Sunday, 06 Nov 94 08:49:37 GMT",
                           "Sun Nov 6 08:49:37 1994",
                           "Sun Nov  6 08:49:37 94",
                           "Sun Nov 31 08:49:37 1994",
                           "Sun Nov  6 08:49:37 1994 GMT",
                           "Sun Nov   08:49:37 1994"})
    EXPECT_EQ(parse_http_date(text, kNow), std::nullopt) << text;
}

TEST(HttpDate, ReadsWhatItWrites) {
  for (std::time_t time = 0; time < 253'402'300'799; time += 4'333'333'337) {
    const std::string text = format_http_date(time);
    EXPECT_EQ(parse_http_date(text, kNow), time) << text;
  }
}

}  // namespace
}  // namespace prefork::http
