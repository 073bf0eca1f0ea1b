#include "framework/config/schema.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "framework/config/section.hpp"
#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

TEST(Schema, HasEveryKeyOnce) {
  std::set<std::pair<SectionKind, std::string_view>> seen;
  for (const auto& key : keys()) EXPECT_TRUE(seen.emplace(key.section, key.name).second) << key.name;
  EXPECT_EQ(seen.size(), 51U);
}

TEST(Schema, EveryDefaultObeysItsOwnRule) {
  for (const auto& key : keys()) {
    EXPECT_FALSE(key.help.empty()) << key.name;
    if (!key.default_value || *key.default_value == "auto") continue;
    EXPECT_EQ(testing::sentence_of([&] { normalise(key.rule, *key.default_value); }), "(nothing)") << key.name;
    EXPECT_TRUE(key.may_be_empty || !key.default_value->empty()) << key.name;
  }
}

TEST(Schema, KeysAreFoundInTheirSectionOnly) {
  ASSERT_NE(find_key(SectionKind::pool, "workers"), nullptr);
  EXPECT_EQ(find_key(SectionKind::pool, "workers")->rule.maximum, 4096);
  EXPECT_EQ(find_key(SectionKind::service, "workers"), nullptr);
  EXPECT_EQ(find_key(SectionKind::pool, ""), nullptr);
  EXPECT_TRUE(find_key(SectionKind::service, "listen")->list);
  EXPECT_TRUE(find_key(SectionKind::service, "plugin")->required);
}

TEST(Schema, UnknownKeysAreExplained) {
  const SectionId pool{SectionKind::pool, "main"};
  const auto known = key_names(SectionKind::pool);
  EXPECT_EQ(unknown_key(pool, "worker", known), "unknown key \"worker\" in [pool main]; did you mean \"workers\"?");
  EXPECT_EQ(unknown_key(pool, "control", known), "unknown key \"control\" in [pool main]; it belongs in [master]");
  EXPECT_EQ(unknown_key(pool, "listen", known), "unknown key \"listen\" in [pool main]; it belongs in [service NAME]");
  EXPECT_EQ(unknown_key(pool, "color", known), "unknown key \"color\" in [pool main]");
}

TEST(Schema, TheHelpShowsEveryKey) {
  const std::string help = key_help();
  for (const auto& key : keys()) EXPECT_NE(help.find(key.name), std::string::npos) << key.name;
  EXPECT_NE(help.find("[service NAME]"), std::string::npos);
}

TEST(Schema, TheHelpIsNotOfTheCommandLine) {
  const std::string help = key_help();
  EXPECT_EQ(help.find("--"), std::string::npos) << help;
  EXPECT_NE(help.find("\n  shutdown-timeout = DURATION"), std::string::npos) << help;
  EXPECT_NE(help.find("how long a graceful stop may take (default 30s)\n"), std::string::npos) << help;
  EXPECT_NE(help.find("(must be given)\n"), std::string::npos) << help;
}

TEST(Schema, TheHelpIsAHundredColumnsWideAtMost) {
  std::istringstream help(key_help());
  for (std::string line; std::getline(help, line);) EXPECT_LE(line.size(), 100U) << line;
}

TEST(Schema, TheHelpKeepsKeysAndSentencesApart) {
  std::istringstream help(key_help());
  for (std::string line; std::getline(help, line);) {
    const auto argument = line.find(" = ");
    const bool is_key = line.starts_with("  ") && argument != std::string::npos && line[2] != ' ';
    const auto end = is_key ? line.find(' ', argument + 3) : std::string::npos;
    if (end == std::string::npos) continue;
    EXPECT_EQ(line.substr(end, 2), "  ") << line;
  }
}

std::string section_of(const KeySpec& key) {
  return key.section == SectionKind::master ? "master" : std::string(word(key.section)) + " NAME";
}

/// @return the key's row in the table of its section: "| `log` | `stderr` | ..."; empty: there is none
std::string documented(const std::string& document, const KeySpec& key) {
  const auto start = document.find("\n### `[" + section_of(key) + "]`\n");
  if (start == std::string::npos) return {};
  std::istringstream rows(document.substr(start, document.find("\n##", start + 1) - start));
  for (std::string row; std::getline(rows, row);) {
    const std::string cell = row.substr(0, row.find('|', 1));
    if (row.starts_with("| `") && cell.find('`' + std::string(key.name) + '`') != std::string::npos) return row;
  }
  return {};
}

TEST(Schema, TheDocumentNamesEveryKeyInItsTable) {
  std::ifstream file(PREFORK_DOCS "/operations.md");
  ASSERT_TRUE(file.is_open()) << "there is no " PREFORK_DOCS "/operations.md";
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  for (const auto& key : keys()) {
    const std::string row = documented(text, key);
    const bool named = !row.empty();
    EXPECT_TRUE(named) << "operations.md does not name " << key.name << " below [" << section_of(key) << ']';
    // For 0 and an empty default the document says what they mean.
    if (!named || !key.default_value || key.default_value->empty() || key.default_value == "0") continue;
    const auto cell = row.find('|', 1) + 1;
    EXPECT_NE(row.substr(cell, row.find('|', cell) - cell).find(*key.default_value), std::string::npos)
        << "operations.md has another default of " << key.name << " than " << *key.default_value;
  }
}

}  // namespace
}  // namespace prefork::config
