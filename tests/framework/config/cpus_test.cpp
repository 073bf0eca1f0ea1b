#include "framework/config/cpus.hpp"

#include <gtest/gtest.h>

#include "tests/framework/config/support.hpp"

namespace prefork::config {
namespace {

using testing::TempDir;

constexpr unsigned kNone = 0;  ///< stands for nullopt, which prints badly

TEST(CpuMax, IsQuotaAndPeriod) {
  const std::vector<std::pair<std::string, unsigned>> table{{"200000 100000\n", 2},
                                                            {"100000 100000", 1},
                                                            {"150000 100000\n", 2},
                                                            {"1000 100000\n", 1},
                                                            {"max 100000\n", kNone},
                                                            {"", kNone},
                                                            {"200000", kNone},
                                                            {"0 100000", kNone},
                                                            {"-1 100000", kNone},
                                                            {"200000 0", kNone},
                                                            {"x y", kNone},
                                                            {"200000 100000 1", kNone},
                                                            {"9223372036854775807 1", 4096},
                                                            {"9223372036854775808 1", kNone}};
  for (const auto& [text, expected] : table) EXPECT_EQ(cpus_of_cpu_max(text).value_or(kNone), expected) << text;
}

TEST(Cfs, IsQuotaAndPeriod) {
  EXPECT_EQ(cpus_of_cfs("250000\n", "100000\n").value_or(kNone), 3U);
  EXPECT_EQ(cpus_of_cfs("-1\n", "100000\n").value_or(kNone), kNone);
  EXPECT_EQ(cpus_of_cfs("", "").value_or(kNone), kNone);
}

/// A machine's cgroup files, of the test's making.
class CgroupTree {
 public:
  explicit CgroupTree(const std::string& membership) { dir_.write("membership", membership); }
  CgroupTree& with(const std::string& file, const std::string& text) {
    dir_.write("mounts/" + file, text);
    return *this;
  }
  unsigned cpus() const { return cgroup_cpus({dir_.path("mounts"), dir_.path("membership")}).value_or(kNone); }

 private:
  TempDir dir_;
};

TEST(Cgroup, OfVersion2CountsTheLeastOnTheWayUp) {
  CgroupTree tree("0::/a/b/c\n");
  tree.with("a/b/c/cpu.max", "max 100000\n");
  EXPECT_EQ(tree.cpus(), kNone);
  tree.with("a/cpu.max", "300000 100000\n");
  EXPECT_EQ(tree.cpus(), 3U);
  tree.with("a/b/c/cpu.max", "200000 100000\n");
  EXPECT_EQ(tree.cpus(), 2U);
  tree.with("cpu.max", "100000 100000\n");
  EXPECT_EQ(tree.cpus(), 1U);
  EXPECT_EQ(CgroupTree("0::/a\n").with("a/sibling/cpu.max", "1 1\n").cpus(), kNone);
}

TEST(Cgroup, OutsideOfTheNamespaceHasTheRootOnly) {
  EXPECT_EQ(CgroupTree("0::/../x\n").with("cpu.max", "400000 100000\n").with("x/cpu.max", "1 1\n").cpus(), 4U);
  EXPECT_EQ(CgroupTree("0::/\n").with("cpu.max", "400000 100000\n").cpus(), 4U);
  EXPECT_EQ(CgroupTree("0::/docker/gone\n").with("cpu.max", "400000 100000\n").cpus(), 4U);
}

TEST(Cgroup, OfVersion1IsFoundUnderEitherName) {
  const std::string membership = "12:pids:/a\n4:cpu,cpuacct:/a/b\n1:name=systemd:/a\n";
  CgroupTree combined(membership);
  combined.with("cpu,cpuacct/a/b/cpu.cfs_quota_us", "250000\n").with("cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(combined.cpus(), 3U);
  CgroupTree single(membership);
  single.with("cpu/a/cpu.cfs_quota_us", "50000\n").with("cpu/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(single.cpus(), 1U);
  EXPECT_EQ(
      CgroupTree("3:cpuset:/a\n").with("cpu/a/cpu.cfs_quota_us", "1\n").with("cpu/a/cpu.cfs_period_us", "1").cpus(),
      kNone)
      << "another controller's path";
}

TEST(Cgroup, OfBothVersionsCountsTheLeast) {
  CgroupTree tree("4:cpu:/x\n0::/y\n");
  tree.with("cpu/x/cpu.cfs_quota_us", "500000").with("cpu/x/cpu.cfs_period_us", "100000");
  tree.with("y/cpu.max", "300000 100000\n");
  EXPECT_EQ(tree.cpus(), 3U);
}

TEST(Cgroup, ThatCannotBeReadGrantsAll) {
  EXPECT_FALSE(cgroup_cpus({"/nowhere", "/nowhere/membership"}).has_value());
  EXPECT_EQ(CgroupTree("").cpus(), kNone);
  EXPECT_EQ(CgroupTree("rubbish\n0:\n::\n:::::\n0::\n").cpus(), kNone);
}

TEST(AutoWorkers, AreTheLesserOfMaskAndQuota) {
  EXPECT_EQ(auto_workers(8, std::nullopt), 8U);
  EXPECT_EQ(auto_workers(8, 2), 2U);
  EXPECT_EQ(auto_workers(2, 8), 2U);
  EXPECT_EQ(auto_workers(0, std::nullopt), 1U);
  EXPECT_EQ(auto_workers(100'000, std::nullopt), 4096U);
}

TEST(AutoWorkers, OfThisProcessAreAtLeastOne) {
  EXPECT_GE(affinity_cpus(), 1U);
  EXPECT_GE(auto_workers(), 1U);
  EXPECT_LE(auto_workers(), affinity_cpus());
}

}  // namespace
}  // namespace prefork::config
