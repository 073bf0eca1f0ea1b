#include "framework/config/value_types.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

using testing::sentence_of;
using namespace std::chrono_literals;

TEST(ValueTypes, ATextHoldsSomething) {
  EXPECT_EQ(types::text().parse("a b"), "a b");
  EXPECT_EQ(sentence_of([] { types::text().parse(""); }), "the value must not be empty");
  EXPECT_EQ(sentence_of([] { types::choice({"a"}).parse(""); }), "the value must not be empty");
  EXPECT_EQ(types::text_or_empty().parse(""), "");
}

TEST(ValueTypes, NumbersHaveARange) {
  const ValueType<int> nice = types::integer<int>(-20, 19);
  EXPECT_EQ(nice.parse("-20"), -20);
  EXPECT_EQ(nice.format(-20), "-20");
  EXPECT_EQ(sentence_of([&] { nice.parse("20"); }), "\"20\" is not an integer from -20 to 19");
  const ValueType<std::chrono::milliseconds> time = types::duration(1ms, 24h);
  EXPECT_EQ(time.parse("1h"), 1h);
  EXPECT_EQ(time.format(90s), "90s");
  EXPECT_EQ(sentence_of([&] { time.parse("0"); }), "\"0\" is out of range, expected 1ms to 1d");
}

TEST(ValueTypes, AnEnumerationHasNames) {
  const ValueType<SeccompProfile> profile = types::one_of<SeccompProfile>({"off", "default", "strict"});
  EXPECT_EQ(profile.parse("default"), SeccompProfile::standard);
  EXPECT_EQ(profile.parse("strict"), SeccompProfile::strict);
  EXPECT_EQ(profile.format(SeccompProfile::off), "off");
  EXPECT_EQ(sentence_of([&] { profile.parse("of"); }),
            "\"of\" is not one of off, default, strict; did you mean \"off\"?");
}

TEST(ValueTypes, NamesStandBetweenBlanks) {
  EXPECT_EQ(types::names().parse(" adm \t4 "), (types::Names{"adm", "4"}));
  EXPECT_EQ(types::names().parse(""), types::Names{});
  EXPECT_EQ(types::names().format({"adm", "4"}), "adm 4");
}

TEST(ValueTypes, PathsOfRulesAreAbsolute) {
  EXPECT_EQ(types::landlock_path().parse("/").value, "/");
  EXPECT_EQ(sentence_of([] { types::landlock_path().parse("a"); }), "\"a\" is not a path that begins with /");
  EXPECT_EQ(sentence_of([] { types::landlock_part().parse("/./"); }), "\"/./\" would allow everything");
}

}  // namespace
}  // namespace prefork::config
