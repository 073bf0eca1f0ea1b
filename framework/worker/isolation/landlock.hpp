#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <prefork/api.hpp>

namespace prefork::worker {

/// The part of the file system that stays usable. A path stands for a file, or for a folder and everything below it.
struct LandlockPaths {
  std::vector<std::string> readable;  ///< to read, list and execute
  std::vector<std::string> writable;  ///< also to write, make and remove

  bool empty() const noexcept { return readable.empty() && writable.empty(); }
};

/// @return the version of the kernel's Landlock interface, at least 1; 0 if the kernel has none or it is switched off
int landlock_abi() noexcept;

/// The file rights that a version of the interface knows. It can't refuse what it does not know: before 3 (Linux 6.2)
/// truncation, before 5 (Linux 6.10) ioctl on devices.
std::uint64_t landlock_rights(int abi) noexcept;

/// Refuses this process, and every program and child that comes of it, all files except those of `paths`, for good, and
/// checks that it does. Files that are already open stay usable. Sets no_new_privs, which the kernel requires. Process:
/// worker, before it loads a plugin. Blocks: on the file system. @throws std::system_error that names the call and the
/// path; std::runtime_error if the kernel has no Landlock. Source: landlock(7),
/// Documentation/userspace-api/landlock.rst.
void restrict_files(const LandlockPaths& paths);

}  // namespace prefork::worker
