#include "framework/config/cpus.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

namespace prefork::config {

namespace {

namespace fs = std::filesystem;

constexpr unsigned kMaxWorkers = 4096;

std::string_view without_space(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\n");
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

std::optional<std::int64_t> positive(std::string_view text) {
  text = without_space(text);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value <= 0) return std::nullopt;
  return value;
}

std::optional<unsigned> rounded_up(std::optional<std::int64_t> quota, std::optional<std::int64_t> period) {
  if (!quota || !period) return std::nullopt;
  const std::int64_t cpus = *quota / *period + (*quota % *period != 0 ? 1 : 0);
  return static_cast<unsigned>(std::min<std::int64_t>(cpus, kMaxWorkers));
}

/// @return empty if the file can't be read, which means no quota
std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::optional<unsigned> lesser(std::optional<unsigned> a, std::optional<unsigned> b) {
  if (a && b) return std::min(*a, *b);
  return a ? a : b;
}

/// Applies `read` to the cgroup's folder and to each folder above it up to the mount.
template <typename Read>
std::optional<unsigned> least_upwards(const fs::path& mount, std::string_view cgroup, Read read) {
  std::optional<unsigned> least;
  fs::path relative = fs::path(cgroup).relative_path().lexically_normal();
  // "/../x": a cgroup outside our cgroup namespace, of which only the root is visible.
  if (!relative.empty() && *relative.begin() == "..") relative.clear();
  for (;; relative = relative.parent_path()) {
    least = lesser(least, read(mount / relative));
    if (relative.empty()) return least;
  }
}

std::optional<unsigned> v2_cpus(const fs::path& folder) { return cpus_of_cpu_max(text_of(folder / "cpu.max")); }

std::optional<unsigned> v1_cpus(const fs::path& folder) {
  return cpus_of_cfs(text_of(folder / "cpu.cfs_quota_us"), text_of(folder / "cpu.cfs_period_us"));
}

/// @return whether a comma-separated list of controllers holds "cpu".
bool has_cpu_controller(std::string_view list) {
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == "cpu") return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

std::optional<unsigned> cpus_of_cpu_max(std::string_view text) {
  text = without_space(text);
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return rounded_up(positive(text.substr(0, space)), positive(text.substr(space + 1)));
}

std::optional<unsigned> cpus_of_cfs(std::string_view quota, std::string_view period) {
  return rounded_up(positive(quota), positive(period));
}

std::optional<unsigned> cgroup_cpus(const CgroupPaths& paths) {
  std::optional<unsigned> least;
  std::ifstream membership(paths.membership);
  // A line is "hierarchy:controllers:path"; v2's has the number 0 and no controllers. Source: cgroups(7).
  for (std::string line; std::getline(membership, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      least = lesser(least, least_upwards(paths.mounts, path, v2_cpus));
    } else if (has_cpu_controller(controllers)) {
      // Mounted under the name of the whole list, on most systems with a link by the single name.
      least = lesser(least, least_upwards(paths.mounts / "cpu", path, v1_cpus));
      least = lesser(least, least_upwards(paths.mounts / controllers, path, v1_cpus));
    }
  }
  return least;
}

unsigned affinity_cpus() {
  constexpr std::size_t kMostCpus = 1 << 20;
  // The kernel refuses a mask smaller than its own, which may have more than CPU_SETSIZE bits.
  for (std::size_t cpus = CPU_SETSIZE; cpus <= kMostCpus; cpus *= 2) {
    const auto free_set = [](cpu_set_t* set) { CPU_FREE(set); };
    const std::unique_ptr<cpu_set_t, decltype(free_set)> set(CPU_ALLOC(cpus), free_set);
    if (!set) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(cpus);
    if (sched_getaffinity(0, bytes, set.get()) == 0) {
      return static_cast<unsigned>(std::max(1, CPU_COUNT_S(bytes, set.get())));
    }
    if (errno != EINVAL) break;
  }
  return static_cast<unsigned>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
}

unsigned auto_workers(unsigned affinity, std::optional<unsigned> quota) {
  return std::clamp(quota ? std::min(affinity, *quota) : affinity, 1U, kMaxWorkers);
}

unsigned auto_workers() { return auto_workers(affinity_cpus(), cgroup_cpus()); }

}  // namespace prefork::config
