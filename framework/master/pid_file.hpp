#pragma once

#include <sys/types.h>

#include <string>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// The pid file. What says that a master runs is the lock on it, not that the file is there: a file left
/// behind by a killed master is taken over. Source: flock(2).
class PidFile {
 public:
  /// Writes the caller's pid. An empty path: no file.
  /// @throws StartupError: another master holds it, or it can't be written.
  explicit PidFile(const std::string& path);
  /// Goes on with what another program of process `owner` holds (upgrade). A closed descriptor: no file.
  PidFile(const std::string& path, ipc::UniqueFd file, pid_t owner) noexcept;
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  /// Removes the file, in the process that made it.
  ~PidFile();

  int fd() const noexcept { return file_.get(); }  ///< -1: no file; the same as long as the object lives

  /// Where somebody has removed the file makes it anew. @return whether it did. @throws StartupError: it can't, and
  /// nothing has changed
  bool restore();

 private:
  std::string path_;
  pid_t owner_;
  ipc::UniqueFd file_;
};

}  // namespace prefork::master
