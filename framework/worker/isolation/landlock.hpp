#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <prefork/api.hpp>

namespace prefork::worker {

/// What is left of the file system. A path stands for the file, or for the folder and all that is below.
struct LandlockPaths {
  std::vector<std::string> readable;  ///< to read, list and execute
  std::vector<std::string> writable;  ///< also to write, make and remove

  bool empty() const noexcept { return readable.empty() && writable.empty(); }
};

/// @return the kernel's version of Landlock's interface, at least 1; 0 where it has none or has it switched off.
int landlock_abi() noexcept;

/// The rights over files that a version of the interface knows; what it does not know it can't refuse: before 3
/// (Linux 6.2) truncation, before 5 (Linux 6.10) ioctl on devices.
std::uint64_t landlock_rights(int abi) noexcept;

/// Refuses the process, and all that it will become, every file but those of `paths`, for good; looks that it is so.
/// What is open already stays usable. Sets no_new_privs, which the kernel asks for.
/// Process: worker, before it loads a plugin. Blocks: on the file system. @throws std::system_error that names the
/// call and the path; std::runtime_error where the kernel has no Landlock.
/// Source: landlock(7), Documentation/userspace-api/landlock.rst.
void restrict_files(const LandlockPaths& paths);

}  // namespace prefork::worker
