#include "framework/config/sources.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/framework/config/resolved.hpp"

namespace prefork::config {
namespace {

using testing::exit_code_of;
using testing::parse_text;
using testing::sentence_of;

constexpr const char* kText = "[pool jobs]\nworkers = 2\n[service echo]\nplugin = echo\nlisten = unix:/a\n";

/// "key=value@origin" of one source.
std::string summary(const std::vector<Entry>& entries) {
  std::string out;
  for (const auto& entry : entries) out += entry.key + "=" + entry.value + "@" + entry.origin.text + ";";
  return out;
}

std::vector<SectionInput> sections() { return from_document(parse_text(kText)); }

TEST(Sources, SectionsKeepTheFilesOrderBeforeTheImpliedOnes) {
  const auto all = sections();
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(label(all[0].id), "[pool jobs]");
  EXPECT_EQ(label(all[1].id), "[service echo]");
  EXPECT_EQ(label(all[2].id), "[master]");
  EXPECT_EQ(label(all[3].id), "[pool main]");
  EXPECT_FALSE(all[0].implied);
  EXPECT_TRUE(all[2].implied);
  EXPECT_TRUE(all[3].implied);
  EXPECT_EQ(summary(all[0].file), "workers=2@a.conf:2;");
}

TEST(Sources, KeysOfTheFileAreChecked) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"[pool main]\nworker = 1", "a.conf:2: unknown key \"worker\" in [pool main]; did you mean \"workers\"?"},
      {"[master]\nworkers = 1", "a.conf:2: unknown key \"workers\" in [master]; it belongs in [pool NAME]"},
      {"[pool main]\nuser = a\n\nuser = a", "a.conf:4: \"user\" in [pool main] is given twice; first at a.conf:2"},
      {"[service s]\nroot = a\nroot = b", "a.conf:3: \"root\" in [service s] is given twice; first at a.conf:2"},
      {"[service s]\nlisten = a\nlisten = b\nanything = c", "(nothing)"},
  };
  for (const auto& [text, sentence] : cases) {
    EXPECT_EQ(sentence_of([&] { from_document(parse_text(text)); }), sentence) << text;
  }
}

TEST(Sources, OverridesFindTheirSection) {
  auto all = sections();
  add_overrides(all,
                std::vector<std::string>{"master.log=x", "pool.jobs.workers=3", "pool.jobs.workers=4",
                                         "pool.main.user=u", "service.echo.listen=a", "service.echo.listen=b",
                                         "service.echo.root=x=y", "service.echo.root="},
                "");
  EXPECT_EQ(summary(all[0].command_line), "workers=4@-o pool.jobs.workers;");
  EXPECT_EQ(summary(all[1].command_line),
            "listen=a@-o service.echo.listen;listen=b@-o service.echo.listen;root=@-o service.echo.root;");
  EXPECT_EQ(summary(all[2].command_line), "log=x@-o master.log;");
  EXPECT_EQ(summary(all[3].command_line), "user=u@-o pool.main.user;");
}

TEST(Sources, BadOverridesAreExplained) {
  struct Case {
    std::string text;
    std::string sentence;
    int exit_code;
  };
  const std::vector<Case> cases{
      {"workers", "-o \"workers\": expected SECTION.NAME.KEY=VALUE", EX_USAGE},
      {"=4", "-o \"=4\": expected SECTION.NAME.KEY=VALUE", EX_USAGE},
      {"root=x", "-o root: write the full key, such as service.NAME.root", EX_USAGE},
      {"pool.workers=4", "-o pool.workers: the section [pool] needs a name: [pool NAME]", EX_USAGE},
      {"pol.main.workers=4", "-o pol.main.workers: unknown section \"pol\"; did you mean \"pool\"?", EX_USAGE},
      {"master.x.log=4", "-o master.x.log: the section [master] takes no name, but has \"x\"", EX_USAGE},
      {"pool.main.=4", "-o pool.main.: \"\" can't be a key: a key is made of letters, digits, '-' and '_'", EX_USAGE},
      {"pool.main.a b=4", "-o pool.main.a b: \"a b\" can't be a key: a key is made of letters, digits, '-' and '_'",
       EX_USAGE},
      {"service.echo.include=x", "-o service.echo.include: only a file can include files", EX_USAGE},
      {"pool.job.workers=4", "-o pool.job.workers: there is no [pool job]; did you mean \"jobs\"?", EX_CONFIG},
      {"service.zzz.root=4", "-o service.zzz.root: there is no [service zzz]", EX_CONFIG},
      {"pool.jobs.worker=4", "-o pool.jobs.worker: unknown key \"worker\" in [pool jobs]; did you mean \"workers\"?",
       EX_CONFIG},
      {"master.log=a\x01", "-o master.log: the value has a control byte in it", EX_CONFIG},
  };
  for (const auto& [text, sentence, exit_code] : cases) {
    const auto add = [&] {
      auto all = sections();
      add_overrides(all, std::vector<std::string>{text}, "");
    };
    EXPECT_EQ(sentence_of(add), sentence);
    EXPECT_EQ(exit_code_of(add), exit_code) << text;
  }
}

TEST(Sources, APluginIsAServiceOfItsFilesName) {
  for (const auto& [plugin, name] :
       std::vector<std::pair<std::string, std::string>>{{"static", "static"},
                                                        {"./build/plugins/echo.so", "echo"},
                                                        {"/x/my.plugin.so", "my_plugin"},
                                                        {"a b", "a_b"}}) {
    auto all = from_document({});
    EXPECT_EQ(add_plugin(all, plugin, std::vector<std::string>{"unix:/x"}), name);
    EXPECT_EQ(label(all.back().id), "[service " + name + "]");
    EXPECT_EQ(summary(all.back().command_line), "plugin=" + plugin + "@--plugin;listen=unix:/x@--listen;");
  }
  for (const auto& plugin : std::vector<std::string>{"", "/", "x/.so", "_x", std::string(32, 'x')}) {
    const auto add = [&] {
      auto all = from_document({});
      add_plugin(all, plugin, {});
    };
    EXPECT_EQ(sentence_of(add), "--plugin \"" + plugin + "\": the file's name can't name a service");
    EXPECT_EQ(exit_code_of(add), EX_USAGE);
  }
}

TEST(Sources, ShortOverridesAreOfThePluginsService) {
  auto all = from_document({});
  const std::string name = add_plugin(all, "static", {});
  add_overrides(all, std::vector<std::string>{"root=./public", "pool.main.workers=2", "service.static.pool=main"},
                name);
  EXPECT_EQ(summary(all.back().command_line),
            "plugin=static@--plugin;root=./public@-o root;pool=main@-o service.static.pool;");
}

TEST(Sources, ASectionIsFoundByItsWholeName) {
  auto all = from_document(parse_text("[service a]\n[service a-b]\n[service ab]\n"));
  add_overrides(all, std::vector<std::string>{"service.a-b.root=1", "service.a.b-root=2", "service.ab.root=3"}, "");
  EXPECT_EQ(summary(all[0].command_line), "b-root=2@-o service.a.b-root;");
  EXPECT_EQ(summary(all[1].command_line), "root=1@-o service.a-b.root;");
  EXPECT_EQ(summary(all[2].command_line), "root=3@-o service.ab.root;");
  EXPECT_EQ(sentence_of([&] { add_overrides(all, std::vector<std::string>{"service.a.b.root=1"}, ""); }),
            "-o service.a.b.root: \"a.b\" can't name a service: a name is a letter or digit, then up to 30 letters, "
            "digits, '_' or '-'");
}

}  // namespace
}  // namespace prefork::config
