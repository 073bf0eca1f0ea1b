#include "framework/config/values.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>

#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

using testing::sentence_of;

const ValueRule kText{};
const ValueRule kPercent{OptionType::integer, 0, 100, {}};
const ValueRule kFlag{OptionType::flag, 0, 0, {}};
const ValueRule kMinute{OptionType::duration, 1, 60'000, {}};
const ValueRule kBlock{OptionType::size, 4096, INT64_MAX, {}};
const ValueRule kLevel{OptionType::choice, 0, 0, {"debug", "info", "error"}};

TEST(Normalise, GivesOneFormToEachType) {
  EXPECT_EQ(normalise(kText, " as it is "), " as it is ");
  EXPECT_EQ(normalise(kText, ""), "");
  EXPECT_EQ(normalise(kPercent, "007"), "7");
  EXPECT_EQ(normalise(kFlag, "yes"), "1");
  EXPECT_EQ(normalise(kFlag, "off"), "0");
  EXPECT_EQ(normalise(kMinute, "30s"), "30000");
  EXPECT_EQ(normalise(kBlock, "64KiB"), "65536");
  EXPECT_EQ(normalise(kLevel, "info"), "info");
}

TEST(Normalise, NamesTheRangeThatAValueIsOutOf) {
  const std::vector<std::tuple<ValueRule, std::string, std::string>> table{
      {kPercent, "101", "\"101\" is not an integer from 0 to 100"},
      {kPercent, "", "\"\" is not an integer from 0 to 100"},
      {kMinute, "0", "\"0\" is out of range, expected 1ms to 1m"},
      {kMinute, "61s", "\"61s\" is out of range, expected 1ms to 1m"},
      {kMinute, "fast", "\"fast\" is not a duration such as 250ms, 30s, 5m, 1h or 1d"},
      {kBlock, "4095", "\"4095\" is out of range, expected at least 4KiB"},
      {kFlag, "maybe", "\"maybe\" is not a flag: on or off, yes or no, true or false"},
      {kLevel, "eror", "\"eror\" is not one of debug, info, error; did you mean \"error\"?"},
      {kLevel, "INFO", "\"INFO\" is not one of debug, info, error"},
      {kLevel, "", "\"\" is not one of debug, info, error"},
  };
  for (const auto& [rule, text, expected] : table) {
    EXPECT_EQ(sentence_of([&, &r = rule, &t = text] { normalise(r, t); }), expected);
  }
}

TEST(Normalise, TakesTheEndsOfARange) {
  EXPECT_EQ(normalise(kMinute, "1ms"), "1");
  EXPECT_EQ(normalise(kMinute, "60s"), "60000");
  EXPECT_EQ(normalise(kBlock, "4KiB"), "4096");
  EXPECT_EQ(normalise(kBlock, "9223372036854775807"), "9223372036854775807");
}

TEST(Number, IsForNumbersOnly) {
  EXPECT_EQ(number(kMinute, "2s"), 2000);
  EXPECT_EQ(number(kFlag, "on"), 1);
  EXPECT_THROW(number(kText, "7"), std::logic_error);
  EXPECT_THROW(number(kLevel, "info"), std::logic_error);
}

TEST(Written, IsWhatAFileSays) {
  EXPECT_EQ(written(OptionType::duration, 30'000), "30s");
  EXPECT_EQ(written(OptionType::size, 65'536), "64KiB");
  EXPECT_EQ(written(OptionType::integer, 65'536), "65536");
  EXPECT_EQ(written(OptionType::duration, -1000), "-1000");
}

}  // namespace
}  // namespace prefork::config
