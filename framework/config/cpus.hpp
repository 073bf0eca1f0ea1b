#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

/// How many CPUs this process may use: the value of `workers = auto`. A container's quota decides, not the machine's
/// CPU count.
namespace prefork::config {

/// Reads cgroup v2's `cpu.max`: "200000 100000" is 2 CPUs. Source: Documentation/admin-guide/cgroup-v2.rst.
/// @return the CPUs rounded up, at least 1; nullopt for "max" and for unreadable text
std::optional<unsigned> cpus_of_cpu_max(std::string_view text);

/// Reads cgroup v1's `cpu.cfs_quota_us` and `cpu.cfs_period_us`; a quota of -1 means none.
/// @return as cpus_of_cpu_max
std::optional<unsigned> cpus_of_cfs(std::string_view quota, std::string_view period);

/// Where the kernel describes cgroups; tests have trees of their own.
struct CgroupPaths {
  std::filesystem::path mounts = "/sys/fs/cgroup";
  std::filesystem::path membership = "/proc/self/cgroup";
};

/// Walks from the process's own cgroups, v2 and v1, up to the root: the lowest quota on the way counts.
/// @return nullopt: there is none. Never throws for what can't be read.
std::optional<unsigned> cgroup_cpus(const CgroupPaths& paths = {});

/// @return the CPUs of the affinity mask, at least 1. Source: sched_getaffinity(2).
unsigned affinity_cpus();

/// @return what both allow, from 1 to 4096: the number of workers for `auto`
unsigned auto_workers(unsigned affinity, std::optional<unsigned> quota);
/// The number for this process, now.
unsigned auto_workers();

}  // namespace prefork::config
