#include "framework/base/utf8.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "framework/base/json_text.hpp"

namespace prefork::http {
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

// RFC 8259 7
TEST(JsonText, EscapesEveryByte) {
  std::string text, out;
  for (int c = 0; c < 128; ++c) text.push_back(static_cast<char>(c));
  text += "\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xf0\x9f\x98\x80";
  append_json_string(text, out);
  EXPECT_EQ(nlohmann::json::parse(out), text);
  for (const char c : {'<', '>', '&', '\x7f'}) EXPECT_EQ(out.find(c), std::string::npos);
  EXPECT_EQ(out.find("\xe2\x80\xa8"), std::string::npos);
  out.clear();
  append_json_string("\xff", out);
  EXPECT_EQ(out, "\"\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace prefork::http
