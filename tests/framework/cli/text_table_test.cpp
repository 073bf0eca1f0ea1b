#include "framework/cli/text_table.hpp"

#include <gtest/gtest.h>

namespace prefork::cli {
namespace {

using Align = TextTable::Align;

TEST(TextTable, IsAsWideAsItsContents) {
  TextTable table({{"NAME"}, {"N", Align::right}, {"NOTE"}});
  table.add({"a", "1", ""});
  table.add({"a-long-name", "12345", "x"});
  EXPECT_EQ(table.render(0),
            "NAME             N  NOTE\n"
            "a                1\n"
            "a-long-name  12345  x\n");
}

TEST(TextTable, OnlyTheLastColumnIsCut) {
  TextTable table({{"NAME"}, {"NOTE"}});
  table.add({std::string(40, 'n'), std::string(40, 'x')});
  EXPECT_EQ(table.render(60),
            "NAME" + std::string(38, ' ') + "NOTE\n" + std::string(40, 'n') + "  " + std::string(15, 'x') + "...\n");
  EXPECT_NE(table.render(20).find(std::string(40, 'n') + "  " + std::string(9, 'x') + "...\n"), std::string::npos);
}

TEST(TextTable, CountsCharactersNotBytes) {
  TextTable table({{"A"}, {"B"}});
  table.add({"h\u00e9h\u00e9", "1"});
  table.add({"hehe", "2"});
  EXPECT_EQ(table.render(0), "A     B\nh\u00e9h\u00e9  1\nhehe  2\n");
}

TEST(TextTable, MissingAndSurplusCells) {
  TextTable table({{"A"}, {"B"}});
  EXPECT_TRUE(table.empty());
  table.add({});
  table.add({"1", "2", "3"});
  EXPECT_EQ(table.render(0), "A  B\n\n1  2\n");
}

TEST(TextTable, CellsLeaveNothingToObey) {
  TextTable table({{"A"}});
  table.add({"a\x1b[2J\u202eb"});
  EXPECT_EQ(table.render(0), "A\na\\x1b[2J\\u202eb\n");
}

TEST(Shortened, CutsBetweenCharacters) {
  EXPECT_EQ(shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(shortened("abcdefg", 6), "abc...");
  EXPECT_EQ(shortened("\u00e9\u00e9\u00e9\u00e9\u00e9", 4), "\u00e9...");
  EXPECT_EQ(shortened("abcdef", 2), "...");
}

}  // namespace
}  // namespace prefork::cli
