#include "framework/config/errand.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "framework/config/ini_files.hpp"
#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

TEST(Errand, NobodyNeedsToHear) { EXPECT_NO_THROW(begin_errand("reading /x")); }

TEST(Errand, FilesAreToldOfBeforeTheyAreRead) {
  const testing::TempDir dir;
  const auto file = dir.write("a.conf", "");
  std::vector<std::string> heard;
  const auto before = on_errand([&](const std::string& what) { heard.push_back(what); });
  DiskFiles files;
  files.read(file);
  files.expand("*.conf", file);
  on_errand(before);
  files.read(file);
  EXPECT_EQ(heard, (std::vector<std::string>{"reading " + file, "looking for " + dir.path("*.conf")}));
}

TEST(Errand, WhatIsSaidOfALateOne) {
  EXPECT_EQ(late_errand("reading /x"), "reading /x takes too long");
  EXPECT_EQ(late_errand(""), "the configuration takes too long to prepare");
}

}  // namespace
}  // namespace prefork::config
