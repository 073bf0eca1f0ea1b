#include "framework/base/json_string.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace prefork::base {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// The text that a reader of the log or of an answer sees; a parser finds it unchanged.
TEST(JsonString, EscapesWhatWouldDeceiveItsReader) {
  EXPECT_EQ(json_string("\u202e\u009b\u200b\U000e0041\u00e9"), "\"\\u202e\\u009b\\u200b\\udb40\\udc41\u00e9\"");
  EXPECT_EQ(nlohmann::json::parse(json_string("\u202e\U000e0041")), "\u202e\U000e0041");
}

TEST(JsonString, EveryControlCharacterIsEscaped) {
  for (int c = 0; c < 0x80; ++c) {
    const std::string text(1, static_cast<char>(c));
    const std::string out = json_string(text);
    for (const char byte : out) EXPECT_TRUE(byte >= 0x20 && byte < 0x7f) << c;
    EXPECT_EQ(nlohmann::json::parse(out).get<std::string>(), text) << c;
  }
  EXPECT_EQ(json_string("\"\\/\n\r\t\b\f\x01\x1f\x7f"), R"("\"\\/\n\r\t\b\f\u0001\u001f\u007f")");
}

TEST(JsonString, GoodUtf8Stays) {
  const std::string text = "\u00e9\u20ac\U0001f600\U0010ffff";
  EXPECT_EQ(json_string(text), '"' + text + '"');
}

// One U+FFFD for each longest beginning of a character: the practice of Unicode 15, section 3.9.
TEST(JsonString, BadUtf8IsReplaced) {
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(json_string("\x80"), '"' + r + '"');
  EXPECT_EQ(json_string("\xff\xfe"), '"' + r + r + '"');
  EXPECT_EQ(json_string("\xc0\xaf"), '"' + r + r + '"') << "overlong";
  EXPECT_EQ(json_string("\xe0\x80\xaf"), '"' + r + r + r + '"') << "overlong";
  EXPECT_EQ(json_string("\xed\xa0\x80"), '"' + r + r + r + '"') << "surrogate";
  EXPECT_EQ(json_string("\xf4\x90\x80\x80"), '"' + r + r + r + r + '"') << "beyond U+10FFFF";
  EXPECT_EQ(json_string("\xe2\x82"), '"' + r + '"') << "cut";
  EXPECT_EQ(json_string("\xf0\x9f\x98"), '"' + r + '"') << "cut";
  EXPECT_EQ(json_string("a\xe2\x82z"), "\"a" + r + "z\"");
}

TEST(JsonString, AnyBytesParse) {
  std::minstd_rand random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 12, '\0');
    for (char& c : text) c = static_cast<char>(random() % 256);
    EXPECT_TRUE(nlohmann::json::accept(json_string(text)));
  }
}

// Nothing of what came gets lost, and what is UTF-8 stays so.
TEST(JsonString, OfALogShowsBytesThatAreNoUtf8) {
  std::string out;
  append_json_string(out, "a\u00e9\xff\xe2\x82\u202e", JsonStyle::log);
  EXPECT_EQ(out, "\"a\u00e9\\\\xff\\\\xe2\\\\x82\\u202e\"");
}

// RFC 8259 7
TEST(JsonString, OfAPageEscapesWhatCouldEndAScript) {
  std::string text, out;
  for (int c = 0; c < 128; ++c) text.push_back(static_cast<char>(c));
  text += "\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xf0\x9f\x98\x80";
  append_json_string(out, text, JsonStyle::page);
  EXPECT_EQ(nlohmann::json::parse(out), text);
  for (const char c : {'<', '>', '&', '\x7f'}) EXPECT_EQ(out.find(c), std::string::npos);
  EXPECT_EQ(out.find("\xe2\x80\xa8"), std::string::npos);
  out.clear();
  append_json_string(out, "\xff", JsonStyle::page);
  EXPECT_EQ(out, "\"\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace prefork::base
