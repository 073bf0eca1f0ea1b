#include "framework/config/section.hpp"

#include <gtest/gtest.h>

#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

using testing::sentence_of;

TEST(Section, HasALabelAndAPrefix) {
  const SectionId master = make_section_id("master", "");
  const SectionId pool = make_section_id("pool", "main");
  const SectionId service = make_section_id("service", "web-1");
  EXPECT_EQ(label(master), "[master]");
  EXPECT_EQ(label(pool), "[pool main]");
  EXPECT_EQ(label(service), "[service web-1]");
  EXPECT_EQ(prefix(master), "master");
  EXPECT_EQ(prefix(pool), "pool.main");
  EXPECT_EQ(prefix(service), "service.web-1");
  EXPECT_EQ(word(service.kind), "service");
}

TEST(Section, OfTheSameNameInTwoKindsIsTwo) {
  EXPECT_NE(make_section_id("pool", "main"), make_section_id("service", "main"));
  EXPECT_EQ(make_section_id("pool", "main"), (SectionId{SectionKind::pool, "main"}));
}

TEST(SectionName, IsShortAndPlain) {
  for (const std::string good : {"a", "7", "main", "a-b", "A_b-9", "abcdefghijklmnopqrstuvwxyz01234"}) {
    EXPECT_TRUE(is_section_name(good)) << good;
  }
  for (const std::string bad : {"", "-a", "_a", "a.b", "a b", "ä", "a/b", "abcdefghijklmnopqrstuvwxyz012345"}) {
    EXPECT_FALSE(is_section_name(bad)) << bad;
  }
}

TEST(Section, RefusesWhatIsNone) {
  const std::vector<std::tuple<std::string, std::string, std::string>> table{
      {"master", "x", "the section [master] takes no name, but has \"x\""},
      {"pool", "", "the section [pool] needs a name: [pool NAME]"},
      {"service", "", "the section [service] needs a name: [service NAME]"},
      {"servce", "a", "unknown section \"servce\"; did you mean \"service\"?"},
      {"Pool", "a", "unknown section \"Pool\"; did you mean \"pool\"?"},
      {"", "", "unknown section \"\""},
      {"listener", "a", "unknown section \"listener\""},
      {"pool", "a.b",
       "\"a.b\" can't name a pool: a name is a letter or digit, then up to 30 letters, digits, '_' or '-'"},
      {"service", "a b",
       "\"a b\" can't name a service: a name is a letter or digit, then up to 30 letters, digits, '_' or '-'"},
  };
  for (const auto& [kind, name, expected] : table) {
    EXPECT_EQ(sentence_of([&, &k = kind, &n = name] { make_section_id(k, n); }), expected);
  }
}

}  // namespace
}  // namespace prefork::config
