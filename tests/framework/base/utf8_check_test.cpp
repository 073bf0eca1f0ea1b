// Goal: exactly the well-formed texts pass (RFC 3629 4), however they are cut into pieces.
#include "framework/base/utf8_check.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace prefork::base {
namespace {

std::string encode(std::uint32_t c) {
  const auto tail = [](std::uint32_t bits) { return static_cast<char>(0x80 | (bits & 0x3f)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xc0 | c >> 6), tail(c)};
  if (c < 0x10000) return {static_cast<char>(0xe0 | c >> 12), tail(c >> 6), tail(c)};
  return {static_cast<char>(0xf0 | c >> 18), tail(c >> 12), tail(c >> 6), tail(c)};
}

TEST(Utf8Check, AcceptsEachCharacterAndNoSurrogate) {
  for (std::uint32_t c = 0; c < 0x110000; ++c) {
    const bool surrogate = c >= 0xd800 && c < 0xe000;
    ASSERT_EQ(is_utf8(encode(c)), !surrogate) << std::hex << c;
  }
  EXPECT_FALSE(is_utf8("\xf4\x90\x80\x80")) << "above U+10FFFF";
}

// The grammar of RFC 3629 4, written down another way: a sequence is well-formed where encoding what it decodes to
// gives it back.
bool by_decoding(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at])); };
    const std::size_t length = byte(i) < 0x80 ? 1 : byte(i) < 0xc0 ? 0 : byte(i) < 0xe0 ? 2 : byte(i) < 0xf0 ? 3 : 4;
    if (length == 0 || byte(i) >= 0xf8 || i + length > text.size()) return false;
    std::uint32_t c = length == 1 ? byte(i) : byte(i) & (0xffU >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) c = c << 6 | (byte(i + k) & 0x3f);
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000) || encode(c) != text.substr(i, length)) return false;
    i += length;
  }
  return true;
}

TEST(Utf8Check, JudgesAllSequencesOfUpToThreeBytes) {
  std::string text;
  for (unsigned a = 0x80; a < 0x100; ++a) {
    text.assign(1, static_cast<char>(a));
    ASSERT_EQ(is_utf8(text), by_decoding(text));
    for (unsigned b = 0; b < 0x100; ++b) {
      text = {static_cast<char>(a), static_cast<char>(b)};
      ASSERT_EQ(is_utf8(text), by_decoding(text)) << std::hex << a << ' ' << b;
      for (unsigned c = 0x3f; c < 0x100; ++c) {
        text = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)};
        ASSERT_EQ(is_utf8(text), by_decoding(text)) << std::hex << a << ' ' << b << ' ' << c;
      }
    }
  }
}

TEST(Utf8Check, SeesTheSameInPieces) {
  const std::vector<std::string> texts = {
      "plain ASCII that is longer than the words that are looked at at once",
      "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 \xf0\x9f\x98\x80 and ASCII behind it, quite long, too",
      "0123456789abcde\xc3\xa4"
      "0123456789abcde\xe2\x82\xac"
      "0123456789abcd\xed\xa0\x80",
      "cut short \xf0\x9f\x98",
      "sixteen bytes...\x80",
  };
  for (const std::string& text : texts) {
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      Utf8Check check;
      const std::string_view whole = text;
      const bool valid = check.feed(whole.substr(0, cut)) && check.feed(whole.substr(cut)) && check.complete();
      EXPECT_EQ(valid, by_decoding(text)) << text << " cut at " << cut;
    }
  }
}

TEST(Utf8Check, FailsAsSoonAsItCan) {
  Utf8Check check;
  EXPECT_TRUE(check.feed("\xf4"));
  EXPECT_FALSE(check.feed("\x90")) << "no character goes on like this";
}

}  // namespace
}  // namespace prefork::base
