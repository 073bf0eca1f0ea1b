#include "framework/config/ini_files.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

using testing::exit_code_of;
using testing::sentence_of;
using testing::TempDir;
using testing::text_of;

std::vector<std::string> expand(const std::string& pattern, const std::string& from) {
  return DiskFiles().expand(pattern, from);
}

Document parse(const std::string& path) {
  DiskFiles files;
  return parse_ini(files.read(path), files);
}

TEST(DiskFiles, APathIsRelativeToTheIncludingFile) {
  EXPECT_EQ(expand("b.conf", "/etc/prefork/a.conf"), std::vector<std::string>{"/etc/prefork/b.conf"});
  EXPECT_EQ(expand("../b.conf", "/etc/prefork/a.conf"), std::vector<std::string>{"/etc/prefork/../b.conf"});
  EXPECT_EQ(expand("/b.conf", "/etc/prefork/a.conf"), std::vector<std::string>{"/b.conf"});
  EXPECT_EQ(expand("b.conf", "a.conf"), std::vector<std::string>{"b.conf"});
}

TEST(DiskFiles, APatternIsItsMatchesInTheOrderOfTheirBytes) {
  const TempDir dir;
  const auto b = dir.write("conf.d/b.conf", ""), a = dir.write("conf.d/a.conf", ""), z = dir.write("conf.d/Z.conf", "");
  dir.write("conf.d/.hidden.conf", "");
  dir.write("conf.d/readme.txt", "");
  const std::string from = dir.path("main.conf");
  EXPECT_EQ(expand("conf.d/*.conf", from), (std::vector<std::string>{z, a, b}));
  EXPECT_EQ(expand("conf.d/[ab].conf", from), (std::vector<std::string>{a, b}));
  EXPECT_EQ(expand("conf.?/a.conf", from), std::vector<std::string>{a});
  EXPECT_EQ(expand(dir.path("conf.d/*.conf"), "/elsewhere/main.conf"), (std::vector<std::string>{z, a, b}));
}

TEST(DiskFiles, APatternMayMatchNothing) {
  const TempDir dir;
  EXPECT_TRUE(expand("conf.d/*.conf", dir.path("main.conf")).empty()) << "no such folder";
  dir.write("conf.d/readme.txt", "");
  EXPECT_TRUE(expand("conf.d/*.conf", dir.path("main.conf")).empty()) << "no such file";
  EXPECT_TRUE(expand("conf.d/readme.txt/*.conf", dir.path("main.conf")).empty()) << "no folder";
}

TEST(DiskFiles, TheIncludingFilesFolderIsNoPattern) {
  const TempDir dir;
  const auto mine = dir.write("[x]*?\\/d/a.conf", "");
  dir.write("x/d/a.conf", "");
  EXPECT_EQ(expand("d/*.conf", dir.path("[x]*?\\/main.conf")), std::vector<std::string>{mine});
  EXPECT_EQ(expand("*/a.conf", dir.path("[x]*?\\/main.conf")), std::vector<std::string>{mine});
}

TEST(DiskFiles, AFolderThatCannotBeReadIsNotAnEmptyOne) {
  const TempDir dir;
  std::filesystem::create_symlink("loop", dir.path("loop"));
  const std::string pattern = dir.path("loop/*.conf");
  EXPECT_EQ(sentence_of([&] { expand(pattern, ""); }),
            "cannot read the folders of \"" + pattern + "\": Too many levels of symbolic links");
  EXPECT_EQ(exit_code_of([&] { expand(pattern, ""); }), EX_NOINPUT);
}

TEST(DiskFiles, WhatCannotBeReadIsNamedWithTheReason) {
  const TempDir dir;
  const std::string missing = dir.path("missing.conf");
  EXPECT_EQ(sentence_of([&] { parse(missing); }), "cannot open \"" + missing + "\": No such file or directory");
  EXPECT_EQ(exit_code_of([&] { parse(missing); }), EX_NOINPUT);
  std::filesystem::create_directory(dir.path("folder"));
  EXPECT_EQ(sentence_of([&] { parse(dir.path("folder")); }),
            "cannot read \"" + dir.path("folder") + "\": Is a directory");
}

TEST(DiskFiles, WithoutPermissionEndsWithItsOwnExitCode) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read every file";
  const TempDir dir;
  const std::string secret = dir.write("secret.conf", "");
  std::filesystem::permissions(secret, std::filesystem::perms::none);
  EXPECT_EQ(exit_code_of([&] { parse(secret); }), EX_NOPERM);
}

TEST(DiskFiles, AFileHasOneIdentityUnderAllItsNames) {
  const TempDir dir;
  const std::string file = dir.write("d/a.conf", "text");
  std::filesystem::create_symlink("a.conf", dir.path("d/link.conf"));
  DiskFiles files;
  const IniText direct = files.read(file), linked = files.read(dir.path("d/link.conf")),
                roundabout = files.read(dir.path("d/../d/a.conf"));
  EXPECT_EQ(direct.text, "text");
  EXPECT_EQ(direct.identity, linked.identity);
  EXPECT_EQ(direct.identity, roundabout.identity);
  EXPECT_EQ(linked.name, dir.path("d/link.conf")) << "messages keep the name as written";
}

TEST(DiskFiles, AnEndlessFileIsNotReadToItsEnd) {
  DiskFiles files;
  EXPECT_LT(files.read("/dev/zero").text.size(), 2 * IniLimits::kFileBytes);
  EXPECT_EQ(sentence_of([] { parse("/dev/zero"); }), "/dev/zero:1: the file is larger than 1048576 bytes");
}

TEST(DiskFiles, IncludesOfRealFilesAreReadInPlace) {
  const TempDir dir;
  const auto main = dir.write("main.conf", "[master]\ninclude = conf.d/*.conf\nlog = x\n");
  const auto one = dir.write("conf.d/1.conf", "[service one]\nplugin = p\n");
  const auto two = dir.write("conf.d/2.conf", "include = ../deep.inc\n");
  const auto deep = dir.write("deep.inc", "[service two]\n");
  EXPECT_EQ(text_of(parse(main)),
            "[master]\nlog=x  @" + main + ":3\n[service one]\nplugin=p  @" + one + ":2\n[service two]\n");
}

TEST(DiskFiles, ACircleIsSeenThroughALink) {
  const TempDir dir;
  const auto main = dir.write("main.conf", "\ninclude = link.conf\n");
  std::filesystem::create_symlink("main.conf", dir.path("link.conf"));
  EXPECT_EQ(sentence_of([&] { parse(main); }),
            main + ":2: including \"" + dir.path("link.conf") + "\" would never end: it is being read already");
}

TEST(DiskFiles, ADamagedIncludeIsNamedByItsOwnPlace) {
  const TempDir dir;
  const auto main = dir.write("main.conf", "include = conf.d/*.conf\n");
  const auto bad = dir.write("conf.d/bad.conf", "[pool main]\nworkers 4\n");
  EXPECT_EQ(sentence_of([&] { parse(main); }), bad + ":2: expected \"key = value\", found \"workers 4\"");
}

}  // namespace
}  // namespace prefork::config
