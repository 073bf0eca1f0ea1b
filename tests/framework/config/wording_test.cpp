#include "framework/config/wording.hpp"

#include <gtest/gtest.h>

#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

using testing::exit_code_of;
using testing::sentence_of;

TEST(Nearest, FindsTheLikelySlip) {
  const std::vector<std::string> keys{"workers", "worker-timeout", "user", "group", "log"};
  const std::vector<std::pair<std::string, std::string>> table{{"worker", "workers"},
                                                               {"wokrers", "workers"},
                                                               {"Workers", "workers"},
                                                               {"workers", "workers"},
                                                               {"worker_timeout", "worker-timeout"},
                                                               {"usr", "user"},
                                                               {"grop", "group"},
                                                               {"lgo", "log"}};
  for (const auto& [word, expected] : table) EXPECT_EQ(nearest(word, keys).value_or("(none)"), expected) << word;
}

TEST(Nearest, SaysNothingRatherThanNonsense) {
  const std::vector<std::string> keys{"workers", "user", "x"};
  for (const std::string word : {"", "colour", "y", "listen", "zzzzzzzzz"}) {
    EXPECT_FALSE(nearest(word, keys).has_value()) << word;
  }
  EXPECT_FALSE(nearest("workers", {}).has_value());
  EXPECT_FALSE(nearest(std::string(65, 'w'), {std::string(65, 'w')}).has_value()) << "too long to compare";
  EXPECT_FALSE(nearest("w", {std::string(1 << 20, 'w')}).has_value());
}

TEST(Nearest, TakesTheFirstOfEquallyNear) { EXPECT_EQ(nearest("bat", {"bar", "cat"}), "bar"); }

TEST(DidYouMean, IsAClauseOrNothing) {
  EXPECT_EQ(did_you_mean("wrokers", {"workers"}), "; did you mean \"workers\"?");
  EXPECT_EQ(did_you_mean("colour", {"workers"}), "");
}

TEST(Trimmed, DropsBlanksAndTabsAtTheEnds) {
  EXPECT_EQ(trimmed("\t a b \t"), "a b");
  EXPECT_EQ(trimmed(" \t "), "");
  EXPECT_EQ(trimmed(""), "");
  EXPECT_EQ(trimmed("a"), "a");
}

TEST(ForbiddenBytes, AreTheControlBytesThatAFileCannotExpress) {
  for (int code = 0; code < 256; ++code) {
    const bool expected = (code < 32 && code != '\t' && code != '\n') || code == 127;
    EXPECT_EQ(is_forbidden_byte(static_cast<char>(code)), expected) << code;
  }
  EXPECT_NO_THROW(refuse_forbidden_bytes("a\tb\nc \xc3\xbc", "here"));
  EXPECT_EQ(sentence_of([] { refuse_forbidden_bytes("a\x1b", "-o x"); }), "-o x: the value has a control byte in it");
  EXPECT_EQ(exit_code_of([] { refuse_forbidden_bytes("\r", "here"); }), EX_CONFIG);
}

TEST(Key, IsLettersDigitsAndTwoSigns) {
  for (const auto* good : {"a", "max-age", "MAX_AGE", "2", "-", "9z_"}) EXPECT_TRUE(is_key(good)) << good;
  for (const auto* bad : {"", "a b", "a.b", "a=b", "ä", "a#", "[a]"}) EXPECT_FALSE(is_key(bad)) << bad;
}

}  // namespace
}  // namespace prefork::config
