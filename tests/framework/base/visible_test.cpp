#include "framework/base/visible.hpp"

#include <gtest/gtest.h>

namespace prefork::base {
namespace {

TEST(Visible, LeavesNothingThatATerminalObeysOrThatDeceives) {
  const struct {
    std::string_view text, shown;
  } cases[] = {
      {"", ""},
      {"plain \\ text \"", "plain \\ text \""},
      {"\u00e9\u20ac\U0001f600\u00a0", "\u00e9\u20ac\U0001f600\u00a0"},
      {"a\x1b[2J\n\t\x7f", "a\\x1b[2J\\x0a\\x09\\x7f"},
      {"\u009b31m\u0080\u009f", "\\u009b31m\\u0080\\u009f"},  // C1 controls
      {"\u202egpj.exe", "\\u202egpj.exe"},                    // right to left override
      {"\u061c\u200e\u200f\u202a\u202d\u2066\u2069", "\\u061c\\u200e\\u200f\\u202a\\u202d\\u2066\\u2069"},  // bidi
      {"a\u200bb\u200d\u2060\ufeff\u00ad", "a\\u200bb\\u200d\\u2060\\ufeff\\u00ad"},  // without width
      {"\u2028\u2029", "\\u2028\\u2029"},
      {"\U000e0041", "\\U000e0041"},  // a tag
      {"\xff\x9b \xc2", "\\xff\\x9b \\xc2"},
      {"\xe2\x80z\xed\xa0\x80\xc0\x9b", "\\xe2\\x80z\\xed\\xa0\\x80\\xc0\\x9b"},  // cut; a surrogate; overlong
  };
  for (const auto& [text, shown] : cases) EXPECT_EQ(visible(text), shown);
  EXPECT_EQ(visible(std::string_view("\0z", 2)), "\\x00z");
}

TEST(Visible, LinesStayLines) { EXPECT_EQ(visible_lines("a\n\u202eb\r\n"), "a\n\\u202eb\\x0d\n"); }

TEST(Visible, EveryCharacterIsOneOfBoth) {
  std::size_t deceptive = 0;
  for (char32_t code = 0; code <= 0x10ffff; ++code) deceptive += is_deceptive(code) ? 1 : 0;
  EXPECT_GT(deceptive, 65U);
  EXPECT_LT(deceptive, 5000U);
  for (const char32_t code : {0x20, 0x7e, 0xa0, 0xac, 0xae, 0x2010, 0x202f, 0x2070, 0xfdff, 0x10ffff}) {
    EXPECT_FALSE(is_deceptive(code)) << static_cast<unsigned>(code);
  }
}

TEST(InQuotes, EscapesAndCutsBetweenCharacters) {
  EXPECT_EQ(in_quotes("\u202e\u0085\"\n"), "\"\\u202e\\u0085\\\"\\n\"");
  EXPECT_EQ(in_quotes(std::string(79, 'x') + "\u20ac"), "\"" + std::string(79, 'x') + "...\"");
  EXPECT_EQ(in_quotes(std::string(80, 'x')), "\"" + std::string(80, 'x') + "\"");
}

TEST(EscapeUntrusted, EveryByte) {
  EXPECT_EQ(escape_untrusted("GET /a b~", 100), "GET /a b~");
  EXPECT_EQ(escape_untrusted("a\\n\n\x7f\xc3\xa9", 100), "a\\\\n\\x0a\\x7f\\xc3\\xa9");
  EXPECT_EQ(escape_untrusted(std::string_view("ab\0cd", 5), 100), "ab");
  EXPECT_EQ(escape_untrusted("abcdef", 6), "abcdef");
  EXPECT_EQ(escape_untrusted("abcdef", 5), "abcde...");
  EXPECT_EQ(escape_untrusted("", 5), "");
}

TEST(InQuotes, KeepsAMessageOnItsLine) {
  EXPECT_EQ(in_quotes("plain"), "\"plain\"");
  EXPECT_EQ(in_quotes(""), "\"\"");
  EXPECT_EQ(in_quotes("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(in_quotes("a\nb\tc\r\x1b\x7f"), "\"a\\nb\\tc\\x0d\\x1b\\x7f\"");
  EXPECT_EQ(in_quotes(std::string_view("\0", 1)), "\"\\x00\"");
  EXPECT_EQ(in_quotes("Grüße"), "\"Grüße\"");
}

TEST(InQuotes, CutsWhatIsLong) {
  EXPECT_EQ(in_quotes(std::string(80, 'x')), '"' + std::string(80, 'x') + '"');
  EXPECT_EQ(in_quotes(std::string(81, 'x')), '"' + std::string(80, 'x') + "...\"");
}

}  // namespace
}  // namespace prefork::base
