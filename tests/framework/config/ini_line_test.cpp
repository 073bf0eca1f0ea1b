#include "framework/config/ini_line.hpp"

#include <gtest/gtest.h>

#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

TEST(IniLine, IsOneOfThree) {
  EXPECT_TRUE(std::holds_alternative<BlankLine>(parse_ini_line("")));
  EXPECT_TRUE(std::holds_alternative<BlankLine>(parse_ini_line("  # x = [y]")));
  EXPECT_TRUE(std::holds_alternative<BlankLine>(parse_ini_line("#")));

  const IniLine section = parse_ini_line("[ service \t a b\t] # c");
  ASSERT_TRUE(std::holds_alternative<HeaderLine>(section));
  EXPECT_EQ(std::get<HeaderLine>(section).kind, "service");
  EXPECT_EQ(std::get<HeaderLine>(section).name, "a b") << "whether it is a name is not the line's business";

  const IniLine entry = parse_ini_line(" Max_Age-2 = 5s # c");
  ASSERT_TRUE(std::holds_alternative<EntryLine>(entry));
  EXPECT_EQ(std::get<EntryLine>(entry).key, "Max_Age-2");
  EXPECT_EQ(std::get<EntryLine>(entry).value, "5s");
}

TEST(IniLine, ViewsPointIntoTheLine) {
  const std::string line = "[pool main]";
  const IniLine parsed = parse_ini_line(line);
  EXPECT_EQ(std::get<HeaderLine>(parsed).name.data(), line.data() + 6);
}

}  // namespace
}  // namespace prefork::config
