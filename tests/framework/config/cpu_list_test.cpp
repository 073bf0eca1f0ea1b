#include "framework/config/cpu_list.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

using testing::sentence_of;
using Cpus = std::vector<unsigned>;

TEST(CpuList, NumbersAndRanges) {
  EXPECT_EQ(parse_cpu_list("0"), Cpus{0});
  EXPECT_EQ(parse_cpu_list("0-3,5"), (Cpus{0, 1, 2, 3, 5}));
  EXPECT_EQ(parse_cpu_list("7, 2-2,3 ,2"), (Cpus{2, 3, 7}));
  EXPECT_EQ(parse_cpu_list("8190-8191"), (Cpus{8190, 8191}));
}

TEST(CpuList, WhatIsNoList) {
  for (const std::string text :
       {"", ",", "1,", "a", "-1", "1-", "1-2-3", "0x1", "8192", "1;2", "99999999999", "0-8192"}) {
    EXPECT_EQ(sentence_of([&] { parse_cpu_list(text); }),
              "\"" + text + "\" is not a list of CPUs from 0 to 8191, such as 0-3,5");
  }
  EXPECT_EQ(sentence_of([] { parse_cpu_list("0,3-1"); }), "the range \"3-1\" runs backwards");
}

TEST(CpuList, IsWrittenInTheFewestRanges) {
  EXPECT_EQ(format_cpu_list({}), "");
  EXPECT_EQ(format_cpu_list({4}), "4");
  EXPECT_EQ(format_cpu_list({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
  const Cpus all = parse_cpu_list("0-8191");
  EXPECT_EQ(all.size(), 8192U);
  EXPECT_EQ(format_cpu_list(all), "0-8191");
}

}  // namespace
}  // namespace prefork::config
