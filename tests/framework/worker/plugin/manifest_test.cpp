#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <prefork/manifest.hpp>
#include <string>
#include <vector>

#include "tests/ipc/support.hpp"

namespace prefork {
namespace {

using namespace std::chrono_literals;
using prefork::test::thrown_by;
using testing::ElementsAre;
using testing::MatchesRegex;

std::vector<std::string> option_lines(const Manifest& manifest) {
  std::vector<std::string> lines;
  for (const auto& option : manifest.options()) lines.push_back(option.name + " = " + option.default_value.value());
  return lines;
}

TEST(Manifest, TextsOfSpecialKinds) {
  Manifest manifest;
  manifest.secret("token", "");
  manifest.required_secret("key", "");
  manifest.folder("root", "/srv", "");
  manifest.required_folder("home", "");
  manifest.file("page", "", "");
  manifest.required_file("list", "");
  using T = OptionType;
  using Declared = std::pair<T, std::optional<std::string>>;
  std::vector<Declared> declared;
  for (const auto& option : manifest.options()) declared.emplace_back(option.type, option.default_value);
  EXPECT_THAT(declared,
              ElementsAre(Declared{T::secret, ""}, Declared{T::secret, std::nullopt}, Declared{T::folder, "/srv"},
                          Declared{T::folder, std::nullopt}, Declared{T::file, ""}, Declared{T::file, std::nullopt}));
  EXPECT_FALSE(manifest.wants_master());
  manifest.asks_master();
  EXPECT_TRUE(manifest.wants_master());
  EXPECT_EQ(thrown_by([&] { manifest.secret("root", ""); }), "option \"root\" is declared twice");
}

TEST(Manifest, EverySizeIsAnOption) {
  Manifest manifest;
  manifest.queue("jobs", {.capacity = 64, .message_bytes = 512, .hold_limit = 3s}, "what is to be done");
  manifest.topic("news", {}, "");
  manifest.semaphore("gate", {.permits = 3, .hold_limit = kForever}, "", Scope::server);
  manifest.mutex("lock", {}, "");
  manifest.event("go", "");
  manifest.barrier("meet", {.parties = 4}, "");
  manifest.counter("hits", "");
  manifest.gauge("open", "");
  manifest.histogram("latency", "");
  manifest.table("roster", {.rows = 100, .key_bytes = 32, .columns = {{"since"}, {"nick", ColumnType::text, 16}}}, "");
  manifest.channel("talk", {.first = "0", .second = "jobs/*"}, "");
  EXPECT_THAT(
      option_lines(manifest),
      ElementsAre("jobs-capacity = 64", "jobs-message-bytes = 512", "jobs-max-deliveries = 5", "jobs-dead-letters = 64",
                  "jobs-hold-limit = 3000ms", "news-capacity = 1024", "news-message-bytes = 256", "gate-permits = 3",
                  "gate-hold-limit = 0ms", "lock-hold-limit = 0ms", "meet-parties = 4", "roster-rows = 100",
                  "roster-key-bytes = 32", "talk-ends = 0 jobs/*", "talk-capacity = 256", "talk-message-bytes = 256"));
  ASSERT_EQ(manifest.shared().size(), 11U);
  EXPECT_EQ(manifest.shared()[0].help, "what is to be done");
  EXPECT_EQ(manifest.shared()[2].scope, Scope::server);
  EXPECT_EQ(manifest.shared()[9].columns.size(), 2U);
  EXPECT_EQ(manifest.shared()[10].kind, SharedKind::channel);
  EXPECT_FALSE(manifest.wants_signals());
  manifest.signals();
  EXPECT_TRUE(manifest.wants_signals());
}

void begins_with_slash(const std::string& value) {
  if (!value.starts_with('/')) throw std::runtime_error("no '/'");
}

TEST(Manifest, TextsMayHaveChecks) {
  Manifest manifest;
  manifest.text("plain", "", "");
  manifest.text("path", "/", "", &begins_with_slash);
  manifest.required_text("root", "", &begins_with_slash);
  ASSERT_EQ(manifest.options().size(), 3U);
  EXPECT_FALSE(manifest.options()[0].checked);
  for (const int i : {1, 2}) {
    EXPECT_TRUE(manifest.options()[i].checked) << i;
    EXPECT_EQ(manifest.options()[i].check, &begins_with_slash) << i;
  }
}

struct Case {
  std::function<void(Manifest&)> declare;
  std::string says;  ///< a regular expression
};

TEST(Manifest, WhatCanNotBeDeclaredIsOneSentence) {
  const std::vector<Case> cases{
      {[](Manifest& m) { m.event("", ""); }, "\"\" is no name for a shared object"},
      {[](Manifest& m) { m.event("Go", ""); }, "\"Go\" is no name for a shared object"},
      {[](Manifest& m) { m.event("1st", ""); }, "\"1st\" is no name for a shared object"},
      {[](Manifest& m) { m.event("a.b", ""); }, "\"a.b\" is no name for a shared object"},
      {[](Manifest& m) { m.event(std::string("a\0\n", 3), ""); }, "\"a\\?\\?\" is no name for a shared object"},
      {[](Manifest& m) { m.event(std::string(41, 'a'), ""); }, "\"a+\" is no name for a shared object"},
      {[](Manifest& m) { m.event(std::string(100'000, 'a'), ""); },
       "\"a{80}\\.\\.\\.\" is no name for a shared object"},
      {[](Manifest& m) { m.event("go", "a\nb"); }, "shared object \"go\" has control characters.*"},
      {[](Manifest& m) { m.event("signals", "", Scope::server); }, "a shared object \"signals\" is the server's own.*"},
      {[](Manifest& m) { m.event("go", "", static_cast<Scope>(7)); }, "shared object \"go\" is of no scope"},
      {[](Manifest& m) {
         m.event("go", "");
         m.counter("go", "");
       },
       "shared object \"go\" is declared twice"},
      {[](Manifest& m) {
         m.integer("jobs-capacity", 4, "");
         m.queue("jobs", {}, "");
       },
       "option \"jobs-capacity\" is declared twice"},
      {[](Manifest& m) {
         m.queue("jobs", {}, "");
         m.text("jobs-dead-letters", "", "");
       },
       "option \"jobs-dead-letters\" is declared twice"},
      {[](Manifest& m) { m.queue("jobs", {.capacity = 1000}, ""); },
       "queue \"jobs\" can't be made: capacity is 1000, which is no power of two.*"},
      {[](Manifest& m) { m.queue("jobs", {.capacity = 0}, ""); }, "queue \"jobs\" can't be made: capacity is 0.*"},
      {[](Manifest& m) { m.queue("jobs", {.message_bytes = 0}, ""); },
       "queue \"jobs\" can't be made: message-bytes is 0.*"},
      {[](Manifest& m) { m.queue("jobs", {.max_deliveries = UINT32_MAX}, ""); },
       "the default of the size \"max-deliveries\" is outside its own range"},
      {[](Manifest& m) { m.queue("jobs", {.hold_limit = -1ms}, ""); },
       "the default of the size \"hold-limit\" is outside its own range"},
      {[](Manifest& m) { m.topic("news", {.capacity = 3}, ""); }, "topic \"news\" can't be made: capacity is 3.*"},
      {[](Manifest& m) { m.semaphore("gate", {.permits = 0}, ""); },
       "semaphore \"gate\" can't be made: permits is 0.*"},
      {[](Manifest& m) { m.barrier("meet", {.parties = 0}, ""); }, "barrier \"meet\" can't be made: parties is 0.*"},
      {[](Manifest& m) { m.table("t", {.rows = 0, .columns = {{"a"}}}, ""); }, "table \"t\" can't be made: .+"},
      {[](Manifest& m) {
         m.table("t", {.columns = {{"a"}, {"a"}}}, "");
       },
       "table \"t\" can't be made: column \"a\" is declared twice"},
      {[](Manifest& m) { m.table("t", {.columns = {{"A b"}}}, ""); },
       "table \"t\" can't be made: \"A b\" is no name for a column"},
      {[](Manifest& m) {
         m.table("t", {.columns = {{"a", static_cast<ColumnType>(9)}}}, "");
       },
       "table \"t\" can't be made: column \"a\" is of no known type"},
      {[](Manifest& m) {
         m.table("t", {.columns = {{"a", ColumnType::text, 0}}}, "");
       },
       "table \"t\" can't be made: .+"},
      {[](Manifest& m) { m.channel("talk", {.capacity = 5}, ""); }, "queue \"talk\" can't be made: capacity is 5.*"},
      {[](Manifest& m) { m.channel("talk", {.first = "\n"}, ""); }, "option \"talk-ends\" has control characters.*"},
      {[](Manifest& m) {
         for (int i = 0; i < 65; ++i) m.event("e" + std::to_string(i), "");
       },
       "more than 64 shared objects are declared"},
      {[](Manifest& m) { m.text("path", "a", "", &begins_with_slash); }, "the default of option \"path\": no '/'"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    Manifest manifest;
    EXPECT_THAT(thrown_by([&] { cases[i].declare(manifest); }), MatchesRegex(cases[i].says)) << i;
  }
}

TEST(Manifest, SizesDoNotCountAsOptions) {
  Manifest manifest;
  for (int i = 0; i < 64; ++i) manifest.queue("q" + std::to_string(i), {}, "");
  for (int i = 0; i < 200; ++i) manifest.flag("o" + std::to_string(i), false, "");
  EXPECT_EQ(thrown_by([&] { manifest.flag("more", false, ""); }), "more than 200 options are declared");
  EXPECT_EQ(manifest.options().size(), 520U);
}

}  // namespace
}  // namespace prefork
