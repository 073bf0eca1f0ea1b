#include "framework/worker/net/line_scan.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace prefork::worker {
namespace {

struct Case {
  std::string bytes;
  std::size_t max;
  bool full;
  bool found;
  bool overlong;
  std::size_t length;
  std::size_t line_end;
};

TEST(LineScan, Table) {
  const std::vector<Case> cases{
      {"", 5, false, false, false, 0, 0},
      {"\n", 5, false, true, false, 0, 1},
      {"\r\n", 5, false, true, false, 0, 2},
      {"\r", 5, false, false, false, 0, 0},
      {"abc\n", 5, false, true, false, 3, 1},
      {"abc\r\n", 5, false, true, false, 3, 2},
      {"abc\ndef\n", 5, false, true, false, 3, 1},
      {"abc\r\r\n", 5, false, true, false, 4, 2},
      {"a\rb\n", 5, false, true, false, 3, 1},
      {"abcde\n", 5, false, true, false, 5, 1},
      {"abcde\r\n", 5, false, true, false, 5, 2},
      {"abcdef\n", 5, false, false, true, 6, 1},
      {"abcdef\r\n", 5, false, false, true, 0, 0},
      {"abcde", 5, false, false, false, 0, 0},
      {"abcde\r", 5, false, false, false, 0, 0},
      {"abcdef", 5, false, false, false, 0, 0},  // the sixth may have been a CR: the next byte tells
      {"abcdefg", 5, false, false, true, 0, 0},
      {"abc", 5, true, false, true, 0, 0},
      {"abc\n", 5, true, true, false, 3, 1},
      {std::string("a\0b\n", 4), 5, false, true, false, 3, 1},
      {"a\n", 1, false, true, false, 1, 1},
  };
  for (const auto& c : cases) {
    const LineScan line = scan_line(c.bytes, c.max, c.full);
    EXPECT_EQ(line.found, c.found) << testing::PrintToString(c.bytes);
    EXPECT_EQ(line.overlong, c.overlong) << testing::PrintToString(c.bytes);
    if (!c.found) continue;
    EXPECT_EQ(line.length, c.length) << testing::PrintToString(c.bytes);
    EXPECT_EQ(line.line_end, c.line_end) << testing::PrintToString(c.bytes);
  }
}

// Goal: however the bytes come in, the answer is that of the whole.
TEST(LineScan, FeedingByteByByteFindsTheSameLine) {
  for (const std::string text : {"abcde\n", "abcde\r\n", "abcdef\n", "abcdefghi", "\n", "a\r\n"}) {
    const LineScan whole = scan_line(text, 5, false);
    LineScan line;
    for (std::size_t length = 0; length <= text.size() && !line.found && !line.overlong; ++length) {
      line = scan_line(std::string_view(text).substr(0, length), 5, false);
    }
    EXPECT_EQ(line.found, whole.found) << text;
    EXPECT_EQ(line.overlong, whole.overlong) << text;
    if (whole.found) {
      EXPECT_EQ(line.length, whole.length) << text;
    }
  }
}

TEST(LineScan, AnUnlimitedLineDoesNotOverflow) {
  EXPECT_TRUE(scan_line("abc\n", SIZE_MAX, false).found);
  EXPECT_FALSE(scan_line("abc", SIZE_MAX, false).overlong);
}

}  // namespace
}  // namespace prefork::worker
