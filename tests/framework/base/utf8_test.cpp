#include "framework/base/utf8.hpp"

#include <gtest/gtest.h>

#include <iterator>

namespace prefork::base {
namespace {

// RFC 3629 3, 4
TEST(Utf8, KnowsWellFormedCharacters) {
  for (const std::string_view text : {"a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                      "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(utf8_length(text), text.size());
    EXPECT_EQ(utf8_length(std::string(text) + "\x80"), text.size());
    EXPECT_EQ(utf8_length(text.substr(0, text.size() - 1)), 0U);
  }
  EXPECT_EQ(utf8_length(std::string_view("\0", 1)), 1U);
  for (const std::string_view text : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
                                      "\xc2"
                                      "a",
                                      "\xe2\x80"
                                      "a",
                                      "\xf0\x90\x80"
                                      "a"})
    EXPECT_EQ(utf8_length(text), 0U);
}

TEST(Utf8, ReplacesOtherBytes) {
  std::string out = "x";
  append_utf8(
      "\xc3\xa9\xc3\xff"
      "b",
      out);
  EXPECT_EQ(out,
            "x\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd"
            "b");
}

TEST(Utf8, CutsBetweenCharacters) {
  const std::string text = "a\u00e9\u20ac\U0001f600";
  const std::size_t cut[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (std::size_t most = 0; most < std::size(cut); ++most) EXPECT_EQ(utf8_prefix(text, most).size(), cut[most]);
  for (std::size_t most = 0; most < 4; ++most)
    EXPECT_EQ(utf8_prefix("\xe2\x82\xff\x80", most).size(), most) << "no UTF-8";
}

}  // namespace
}  // namespace prefork::base
