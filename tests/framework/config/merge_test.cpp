#include "framework/config/merge.hpp"

#include <gtest/gtest.h>

#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

const SectionId kPool{SectionKind::pool, "main"};
const SectionId kService{SectionKind::service, "web"};

/// @return the values of a key with their places, "VALUE@PLACE", blanks between them.
std::string values(const SectionValues& section, const std::string& key) {
  std::string text;
  const auto found = section.values.find(key);
  if (found == section.values.end()) return "(absent)";
  for (const auto& value : found->second) text += (text.empty() ? "" : " ") + value.value + '@' + value.origin.text;
  return text;
}

TEST(Merge, CommandLineBeforeEnvironmentBeforeFileBeforeDefault) {
  const Entry line{"workers", "1", {"-o"}}, variable{"workers", "2", {"env"}}, written{"workers", "3", {"file"}};
  for (unsigned given = 0; given < 8; ++given) {
    SectionInput input{kPool, {"here"}};
    if ((given & 1U) != 0) input.command_line.push_back(line);
    if ((given & 2U) != 0) input.environment.push_back(variable);
    if ((given & 4U) != 0) input.file.push_back(written);
    const char* expected = (given & 1U) != 0   ? "1@-o"
                           : (given & 2U) != 0 ? "2@env"
                           : (given & 4U) != 0 ? "3@file"
                                               : "auto@default";
    EXPECT_EQ(values(merge(input), "workers"), expected) << given;
  }
}

TEST(Merge, AListComesFromOneSource) {
  SectionInput input{kService, {"here"}};
  EXPECT_EQ(values(merge(input), "listen"), "(absent)");
  input.file = {{"listen", "a", {"f:1"}}, {"listen", "b", {"f:2"}}};
  EXPECT_EQ(values(merge(input), "listen"), "a@f:1 b@f:2");
  input.environment = {{"listen", "c", {"E"}}, {"listen", "d", {"E"}}};
  EXPECT_EQ(values(merge(input), "listen"), "c@E d@E");
  input.command_line = {{"listen", "e", {"-o"}}};
  EXPECT_EQ(values(merge(input), "listen"), "e@-o");
}

TEST(Merge, EachKeyIsDecidedOnItsOwn) {
  SectionInput input{kPool, {"here"}};
  input.command_line = {{"user", "a", {"-o"}}};
  input.environment = {{"group", "b", {"E"}}, {"user", "x", {"E"}}};
  input.file = {{"workers", "7", {"f"}}, {"user", "y", {"f"}}, {"group", "z", {"f"}}};
  const SectionValues merged = merge(input);
  EXPECT_EQ(values(merged, "user"), "a@-o");
  EXPECT_EQ(values(merged, "group"), "b@E");
  EXPECT_EQ(values(merged, "workers"), "7@f");
  EXPECT_EQ(values(merged, "boot-timeout"), "30s@default");
  EXPECT_EQ(merged.find("nowhere"), nullptr);
}

TEST(Merge, KeysWithoutDefaultStayAbsent) {
  const SectionValues merged = merge({kPool, {"here"}});
  EXPECT_EQ(merged.find("user"), nullptr);
  ASSERT_NE(merged.find("workers"), nullptr);
}

TEST(Merge, AnEmptyValueIsAValue) {
  SectionInput input{{SectionKind::master, ""}, {"here"}};
  input.command_line = {{"control", "", {"-o"}}};
  input.file = {{"control", "/run/x", {"f"}}};
  EXPECT_EQ(values(merge(input), "control"), "@-o");
}

TEST(Merge, ThePluginsKeysFollowTheSameOrder) {
  SectionInput input{kService, {"here"}};
  input.command_line = {{"root", "1", {"-o"}}};
  input.environment = {{"root", "2", {"E"}}, {"index", "3", {"E"}}};
  input.file = {{"index", "4", {"f"}}, {"age", "5", {"f"}}};
  const SectionValues merged = merge(input);
  EXPECT_EQ(merged.own.size(), 3U);
  EXPECT_EQ(merged.own.at("root").value, "1");
  EXPECT_EQ(merged.own.at("index").origin.text, "E");
  EXPECT_EQ(merged.own.at("age").value, "5");
  EXPECT_FALSE(merged.values.contains("root"));
}

TEST(Merge, AnImpliedSectionStandsWhereItsFirstValueDoes) {
  SectionInput input{kPool, {"implied"}, true};
  EXPECT_EQ(merge(input).origin.text, "implied");
  input.environment = {{"workers", "2", {"E"}}};
  EXPECT_EQ(merge(input).origin.text, "E");
  input.command_line = {{"workers", "2", {"-o"}}};
  EXPECT_EQ(merge(input).origin.text, "-o");
  input.implied = false;
  EXPECT_EQ(merge(input).origin.text, "implied");
}

}  // namespace
}  // namespace prefork::config
