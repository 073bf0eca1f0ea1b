#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// Which file a name refers to. A name alone is no proof: somebody else's file may be there by now.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

/// @return nullopt: there is no file. Links are not followed.
std::optional<FileIdentity> identity_of(const std::string& path) noexcept;
std::optional<FileIdentity> identity_of(int fd) noexcept;

/// While it lives, no other master looks at, makes or removes files in the folder of `path`, so that what this one has
/// found still holds when it acts. It locks the folder itself, which leaves nothing behind. If the lock is not
/// available (no right to read the folder, or somebody holds it for longer than `patience`) it continues without one.
/// Source: flock(2)
class FolderLock {
 public:
  FolderLock(const std::string& path, std::chrono::milliseconds patience);

 private:
  ipc::UniqueFd folder_;
};

/// Removes the file if it has this identity. Process: the one that made it.
void remove_own(const std::string& path, const FileIdentity& identity) noexcept;

}  // namespace prefork::master
