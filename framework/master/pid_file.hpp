#pragma once

#include <sys/types.h>

#include <string>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// The pid file. The lock on it says that a master runs, not its existence: a file left behind by a killed master is
/// taken over. Source: flock(2).
class PidFile {
 public:
  /// Writes the caller's pid. An empty path: no file.
  /// @throws StartupError: another master holds it, or it can't be written
  explicit PidFile(const std::string& path);
  /// Takes over what another program of process `owner` holds (upgrade). A closed descriptor: no file.
  PidFile(const std::string& path, ipc::UniqueFd file, pid_t owner) noexcept;
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  /// Removes the file, in the process that made it.
  ~PidFile();

  int fd() const noexcept { return file_.get(); }  ///< -1: no file; constant as long as the object lives

  /// Makes the file again if somebody has removed it. @return whether it did. @throws StartupError: it can't, and
  /// nothing has changed
  bool restore();

 private:
  std::string path_;
  pid_t owner_;
  ipc::UniqueFd file_;
};

}  // namespace prefork::master
