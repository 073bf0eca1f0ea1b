#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// Which file it is that a name leads to. A name is no proof: somebody else's file may stand there by now.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

/// @return nullopt: there is none. Links are not followed.
std::optional<FileIdentity> identity_of(const std::string& path) noexcept;
std::optional<FileIdentity> identity_of(int fd) noexcept;

/// While it lives, no other master looks at, makes or removes files in the folder of `path`, so that what one has found
/// is still so when it acts on it. It is the folder itself that is locked, which leaves nothing behind. Where that
/// can't be had (no right to read the folder, somebody holds it for longer than `patience`) it goes without. Source:
/// flock(2)
class FolderLock {
 public:
  FolderLock(const std::string& path, std::chrono::milliseconds patience);

 private:
  ipc::UniqueFd folder_;
};

/// Removes the file, if it is that one. Process: that which made it.
void remove_own(const std::string& path, const FileIdentity& identity) noexcept;

}  // namespace prefork::master
