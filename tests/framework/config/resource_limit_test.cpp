#include "framework/config/resource_limit.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

using testing::sentence_of;

const LimitKind& kind(std::string_view key) {
  for (const auto& kind : limit_kinds()) {
    if (kind.key == key) return kind;
  }
  throw std::logic_error("no such limit");
}

ResourceLimit parse(std::string_view key, std::string_view text) { return parse_limit(kind(key), text); }

TEST(ResourceLimit, OneValueIsSoftAndHard) {
  const ResourceLimit files = parse("limit-nofile", "4096");
  EXPECT_EQ(files.key, "limit-nofile");
  EXPECT_EQ(files.resource, RLIMIT_NOFILE);
  EXPECT_EQ(files.value.rlim_cur, 4096U);
  EXPECT_EQ(files.value.rlim_max, 4096U);
  const ResourceLimit core = parse("limit-core", "unlimited");
  EXPECT_EQ(core.value.rlim_cur, RLIM_INFINITY);
  EXPECT_EQ(core.value.rlim_max, RLIM_INFINITY);
}

TEST(ResourceLimit, SoftAndHard) {
  const ResourceLimit memory = parse("limit-as", "64MiB:2GiB");
  EXPECT_EQ(memory.value.rlim_cur, 64U << 20);
  EXPECT_EQ(memory.value.rlim_max, 2ULL << 30);
  EXPECT_EQ(parse("limit-nproc", "10:unlimited").value.rlim_max, RLIM_INFINITY);
  EXPECT_EQ(parse("limit-core", "0:0").value.rlim_max, 0U);
}

TEST(ResourceLimit, WhatIsNone) {
  for (const std::string text : {"", "-1", "4k", "4096:", ":4096", "1:2:3", "infinity", "1MiB"}) {
    EXPECT_NE(sentence_of([&] { parse("limit-nofile", text); }), "(nothing)") << text;
  }
  EXPECT_EQ(sentence_of([] { parse("limit-nofile", "1MiB"); }), "\"1MiB\" is not a number, nor unlimited");
  EXPECT_EQ(sentence_of([] { parse("limit-core", "1GiB:much"); }),
            "\"much\" is not a size such as 512, 64KiB, 10MiB or 1GiB, nor unlimited");
  EXPECT_EQ(sentence_of([] { parse("limit-nofile", "9:8"); }), "the soft limit of \"9:8\" is above the hard one");
  EXPECT_EQ(sentence_of([] { parse("limit-as", "unlimited:1GiB"); }),
            "the soft limit of \"unlimited:1GiB\" is above the hard one");
}

TEST(ResourceLimit, IsWrittenAsItIsRead) {
  for (const auto& one : limit_kinds()) {
    for (const std::string text : {"unlimited", "0", "7", "7:unlimited", "7:9"}) {
      EXPECT_EQ(format_limit(parse_limit(one, text)), text) << one.key;
    }
  }
  EXPECT_EQ(format_limit(parse("limit-as", "1024MiB")), "1GiB");
  EXPECT_EQ(format_limit(parse("limit-nofile", "4096:4096")), "4096");
}

}  // namespace
}  // namespace prefork::config
