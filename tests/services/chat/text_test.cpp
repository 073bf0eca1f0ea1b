#include "services/chat/text.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace chat {
namespace {

std::string utf8(char32_t c) {
  const auto byte = [](char32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xc0 | c >> 6), byte(0x80 | (c & 0x3f))};
  if (c < 0x10000) return {byte(0xe0 | c >> 12), byte(0x80 | (c >> 6 & 0x3f)), byte(0x80 | (c & 0x3f))};
  return {byte(0xf0 | c >> 18), byte(0x80 | (c >> 12 & 0x3f)), byte(0x80 | (c >> 6 & 0x3f)), byte(0x80 | (c & 0x3f))};
}

TEST(ChatText, EveryCharacterIsTakenAsItWasWritten) {
  for (char32_t c = 0; c <= 0x10ffff; ++c) {
    const std::string bytes = utf8(c) + "x";
    std::string_view rest = bytes;
    const auto taken = take_character(rest);
    if (c >= 0xd800 && c <= 0xdfff) {
      ASSERT_FALSE(taken) << "a surrogate: " << static_cast<unsigned>(c);
    } else {
      ASSERT_TRUE(taken && *taken == c) << static_cast<unsigned>(c);
      ASSERT_EQ(rest, "x");
    }
  }
}

TEST(ChatText, WhatIsNoUtf8IsNotTaken) {
  const std::vector<std::string> bad{"",
                                     "\x80",
                                     "\xbf",
                                     "\xc0\xaf",  // overlong '/'
                                     "\xc1\xbf",
                                     "\xc3",  // cut
                                     "\xc3(",
                                     "\xe0\x80\xaf",
                                     "\xe0\x9f\xbf",
                                     "\xe2\x82",
                                     "\xed\xa0\x80",  // surrogate
                                     "\xf0\x80\x80\xaf",
                                     "\xf0\x8f\xbf\xbf",
                                     "\xf0\x9f\x98",
                                     "\xf4\x90\x80\x80",  // past the last
                                     "\xf5\x80\x80\x80",
                                     "\xff"};
  for (const std::string& bytes : bad) {
    std::string_view rest = bytes;
    EXPECT_FALSE(take_character(rest)) << testing::PrintToString(bytes);
    EXPECT_EQ(rest, bytes);
  }
}

TEST(ChatText, Names) {
  for (const std::string good : {"a", "Ada", "Zo\xc3\xab", "\xe5\xbc\xa0\xe4\xb8\x89", "_-.!?", "0", "a/b", "a*",
                                 "\xf0\x9f\x98\x80", "12345678901234567890123456789012"}) {
    EXPECT_EQ(name_fault(good), "") << good;
  }
  for (const std::string& bad :
       {std::string(), std::string(33, 'x'), std::string("a b"), std::string("/who"), std::string("*"),
        std::string("a:b"), std::string("a,b"), std::string("a\0", 2), std::string("a\x1b[0m"), std::string("\x7f"),
        std::string("\xc2\x85"), std::string("\xc2\xa0"), std::string("\xe2\x80\x8b"), std::string("\xe2\x80\xae"),
        std::string("\xef\xbb\xbf"), std::string("\xe3\x80\x80"), std::string("a\xcc"),
        std::string("\xf3\xa0\x80\xa0")}) {
    EXPECT_NE(name_fault(bad), "") << testing::PrintToString(bad);
  }
}

TEST(ChatText, AsciiLettersAreFolded) {
  EXPECT_EQ(folded("AdA"), "ada");
  EXPECT_EQ(folded("[@Z`{"), "[@z`{");
  EXPECT_EQ(folded("\xc3\x89"), "\xc3\x89");
}

TEST(ChatText, Texts) {
  for (const std::string good :
       {"", "hello, world", "a  b", "\xe2\x80\x8d", "\xd7\xa9", "\xf0\x9f\x91\xa9\xe2\x80\x8d"}) {
    EXPECT_EQ(text_fault(good), "") << good;
  }
  for (int c = 0; c < 0x20; ++c) EXPECT_NE(text_fault(std::string("x") + static_cast<char>(c)), "") << c;
  for (char32_t c : {0x7f, 0x80, 0x9b, 0x9f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069}) {
    EXPECT_NE(text_fault(utf8(c)), "") << static_cast<unsigned>(c);
  }
  EXPECT_NE(text_fault("ok\xff"), "");
}

TEST(ChatText, LinesAreTidied) {
  EXPECT_EQ(tidied(""), "");
  EXPECT_EQ(tidied(" \t "), "");
  EXPECT_EQ(tidied("\ta\tb  "), "a b");
  EXPECT_EQ(tidied("/msg  bob  x"), "/msg  bob  x");
}

TEST(ChatText, WordsAreSplitOff) {
  std::string_view line = "/msg   bob hello  you";
  EXPECT_EQ(take_word(line), "/msg");
  EXPECT_EQ(take_word(line), "bob");
  EXPECT_EQ(line, "hello  you");
  line = "one";
  EXPECT_EQ(take_word(line), "one");
  EXPECT_EQ(take_word(line), "");
  EXPECT_EQ(line, "");
}

}  // namespace
}  // namespace chat
