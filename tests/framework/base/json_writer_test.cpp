#include "framework/base/json_writer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

namespace prefork::master {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

// What a reader of the log or of an answer sees as it stands; a parser finds it unchanged.
TEST(JsonWriter, EscapesWhatWouldDeceiveItsReader) {
  EXPECT_EQ(json_string("\u202e\u009b\u200b\U000e0041\u00e9"), "\"\\u202e\\u009b\\u200b\\udb40\\udc41\u00e9\"");
  EXPECT_EQ(nlohmann::json::parse(json_string("\u202e\U000e0041")), "\u202e\U000e0041");
}

TEST(JsonWriter, NestsAndSeparates) {
  JsonWriter json;
  json.begin_object().member("a", 1).key("b").begin_array().value("x").value(true).null().end_array();
  json.key("c").begin_object().end_object().key("d").begin_array().end_array().member("e", 1.5).end_object();
  EXPECT_EQ(json.text(), R"({"a":1,"b":["x",true,null],"c":{},"d":[],"e":1.5})");
}

TEST(JsonWriter, Numbers) {
  JsonWriter json;
  json.begin_array()
      .value(std::numeric_limits<std::int64_t>::min())
      .value(std::numeric_limits<std::uint64_t>::max())
      .value(0.1)
      .value(1e300)
      .value(std::nan(""))
      .value(std::numeric_limits<double>::infinity())
      .end_array();
  EXPECT_EQ(json.text(), "[-9223372036854775808,18446744073709551615,0.1,1e+300,null,null]");
}

TEST(JsonWriter, ValueAlone) {
  JsonWriter json;
  json.value(false);
  EXPECT_EQ(std::move(json).take(), "false");
}

TEST(JsonWriterDeathTest, MisuseIsABug) {
  EXPECT_DEATH(JsonWriter().begin_object().value(1), "bug");
  EXPECT_DEATH(JsonWriter().begin_array().key("a"), "bug");
  EXPECT_DEATH(JsonWriter().begin_object().end_array(), "bug");
  EXPECT_DEATH(JsonWriter().begin_object().key("a").end_object(), "bug");
  EXPECT_DEATH(JsonWriter().value(1).value(2), "bug");
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

}  // namespace
}  // namespace prefork::master
