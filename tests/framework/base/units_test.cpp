#include "framework/base/units.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <stdexcept>

#include "framework/base/visible.hpp"

namespace prefork::base {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// @return the message that the call throws; "(nothing)" if it returns
template <typename Call>
std::string sentence_of(Call call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "(nothing)";
}

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

TEST(Duration, IsReadInEachUnit) {
  const std::vector<std::pair<std::string, milliseconds>> table{
      {"0", 0ms},   {"0s", 0ms},  {"1ms", 1ms}, {"250ms", 250ms}, {"30s", 30s},
      {"007s", 7s}, {"5m", 5min}, {"1h", 1h},   {"1d", 24h},      {"9223372036854775807ms", milliseconds(kMost)}};
  for (const auto& [text, expected] : table) EXPECT_EQ(parse_duration(text), expected) << text;
}

TEST(Duration, RefusesWhatIsNone) {
  for (const std::string text : {"", "5", "00", "s", "ms", "-1s", "+1s", " 1s", "1s ", "1 s", "1.5s", "1S", "1sec",
                                 "1m30s", "0x1s", "1s\n", "on"}) {
    EXPECT_EQ(sentence_of([&] { parse_duration(text); }),
              in_quotes(text) + " is not a duration such as 250ms, 30s, 5m, 1h or 1d");
  }
  EXPECT_THROW(parse_duration("5"), std::invalid_argument);
}

TEST(Duration, DoesNotOverflow) {
  for (const std::string text :
       {"9223372036854775808ms", "9223372036854776s", "106751991168d", "99999999999999999999999999d"}) {
    EXPECT_EQ(sentence_of([&] { parse_duration(text); }), "\"" + text + "\" is too large");
  }
  EXPECT_EQ(parse_duration("9223372036854775s").count(), 9'223'372'036'854'775'000);
  EXPECT_EQ(sentence_of([] { parse_duration("99999999999999999999x"); }),
            "\"99999999999999999999x\" is not a duration such as 250ms, 30s, 5m, 1h or 1d");
}

TEST(Duration, IsWrittenInTheLargestUnitThatDividesIt) {
  const std::vector<std::pair<milliseconds, std::string>> table{
      {0ms, "0"},   {1ms, "1ms"}, {999ms, "999ms"}, {1000ms, "1s"}, {1001ms, "1001ms"}, {60s, "1m"},
      {90s, "90s"}, {1h, "1h"},   {90min, "90m"},   {24h, "1d"},    {25h, "25h"}};
  for (const auto& [duration, expected] : table) EXPECT_EQ(format_duration(duration), expected);
}

TEST(Duration, IsReadBackAsItWasWritten) {
  for (const std::int64_t count : {std::int64_t{0}, std::int64_t{1}, std::int64_t{59'999}, std::int64_t{60'000},
                                   std::int64_t{86'400'000}, kMost}) {
    EXPECT_EQ(parse_duration(format_duration(milliseconds(count))).count(), count);
  }
}

TEST(Size, IsReadInEachUnit) {
  const std::vector<std::pair<std::string, std::uint64_t>> table{
      {"0", 0},
      {"512", 512},
      {"512B", 512},
      {"64KiB", 65'536},
      {"10MiB", 10485760},
      {"1GiB", 1 << 30},
      {"9223372036854775807", static_cast<std::uint64_t>(kMost)}};
  for (const auto& [text, expected] : table) EXPECT_EQ(parse_size(text), expected) << text;
}

TEST(Size, RefusesWhatIsNone) {
  for (const std::string text : {"", "KiB", "-1", "+1", " 1", "1 KiB", "1K", "1kb", "1KB", "1kib", "1.5MiB", "1TiB"}) {
    EXPECT_EQ(sentence_of([&] { parse_size(text); }),
              "\"" + text + "\" is not a size such as 512, 64KiB, 10MiB or 1GiB");
  }
  for (const std::string text : {"9223372036854775808", "8589934592GiB", "18446744073709551615B"}) {
    EXPECT_EQ(sentence_of([&] { parse_size(text); }), "\"" + text + "\" is too large");
  }
  EXPECT_EQ(parse_size("8589934591GiB"), std::uint64_t{8'589'934'591} << 30);
}

TEST(Size, IsReadBackAsItWasWritten) {
  const std::vector<std::pair<std::uint64_t, std::string>> table{{0, "0"},
                                                                 {1, "1"},
                                                                 {1023, "1023"},
                                                                 {1024, "1KiB"},
                                                                 {1536, "1536"},
                                                                 {1 << 20, "1MiB"},
                                                                 {3 << 20, "3MiB"},
                                                                 {std::uint64_t{5} << 30, "5GiB"},
                                                                 {std::uint64_t{1} << 40, "1024GiB"}};
  for (const auto& [bytes, text] : table) {
    EXPECT_EQ(format_size(bytes), text);
    EXPECT_EQ(parse_size(text), bytes);
  }
}

TEST(Flag, HasThreePairsOfWords) {
  for (const auto* text : {"on", "yes", "true"}) EXPECT_TRUE(parse_flag(text)) << text;
  for (const auto* text : {"off", "no", "false"}) EXPECT_FALSE(parse_flag(text)) << text;
  for (const std::string text : {"", "1", "0", "On", "TRUE", "on ", "enabled"}) {
    EXPECT_EQ(sentence_of([&] { parse_flag(text); }),
              "\"" + text + "\" is not a flag: on or off, yes or no, true or false");
  }
  EXPECT_TRUE(parse_flag(format_flag(true)));
  EXPECT_FALSE(parse_flag(format_flag(false)));
}

TEST(Integer, KeepsToItsRange) {
  EXPECT_EQ(parse_integer("1", 1, 4096), 1);
  EXPECT_EQ(parse_integer("4096", 1, 4096), 4096);
  EXPECT_EQ(parse_integer("-5", -5, 5), -5);
  EXPECT_EQ(parse_integer("-9223372036854775808", INT64_MIN, INT64_MAX), INT64_MIN);
  for (const std::string text :
       {"", "0", "4097", "-1", "1x", "x", " 1", "1 ", "+1", "1.0", "1e3", "0x10", "99999999999999999999"}) {
    EXPECT_EQ(sentence_of([&] { parse_integer(text, 1, 4096); }), "\"" + text + "\" is not an integer from 1 to 4096");
  }
  EXPECT_EQ(sentence_of([] { parse_integer("many", INT64_MIN, INT64_MAX); }), "\"many\" is not an integer");
}

TEST(Mode, IsOctal) {
  EXPECT_EQ(parse_mode("0660"), mode_t{0660});
  EXPECT_EQ(parse_mode("660"), mode_t{0660});
  EXPECT_EQ(parse_mode("000"), mode_t{0});
  EXPECT_EQ(parse_mode("0777"), mode_t{0777});
  for (const std::string text : {"", "0", "66", "00660", "1777", "0888", "rw-", "-660", "0x66", "66 "}) {
    EXPECT_EQ(sentence_of([&] { parse_mode(text); }), "\"" + text + "\" is not an octal mode from 0000 to 0777");
  }
  for (mode_t mode = 0; mode <= 0777; ++mode) EXPECT_EQ(parse_mode(format_mode(mode)), mode);
}

TEST(DurationWords, PicksTwoUnits) {
  EXPECT_EQ(duration_words(-5ms), "0 ms");
  EXPECT_EQ(duration_words(999ms), "999 ms");
  EXPECT_EQ(duration_words(3'456ms), "3.4 s");
  EXPECT_EQ(duration_words(59'999ms), "59.9 s");
  EXPECT_EQ(duration_words(307s), "5m 7s");
  EXPECT_EQ(duration_words(3h + 2min), "3h 2m");
  EXPECT_EQ(duration_words(52h), "2d 4h");
}

TEST(ShortDuration, PicksTwoUnits) {
  EXPECT_EQ(short_duration(-1ms), "0ms");
  EXPECT_EQ(short_duration(999ms), "999ms");
  EXPECT_EQ(short_duration(3456ms), "3.4s");
  EXPECT_EQ(short_duration(307s), "5m07s");
  EXPECT_EQ(short_duration(3h + 2min), "3h02m");
  EXPECT_EQ(short_duration(52h), "2d04h");
}

TEST(SizeWords, PicksAUnit) {
  EXPECT_EQ(size_words(0), "0 B");
  EXPECT_EQ(size_words(1023), "1023 B");
  EXPECT_EQ(size_words(1024), "1.0 KiB");
  EXPECT_EQ(size_words(1'048'575), "1.0 MiB");
  EXPECT_EQ(size_words(1'468'006), "1.4 MiB");
  EXPECT_EQ(size_words(UINT64_MAX), "16.0 EiB");
}

}  // namespace
}  // namespace prefork::base
