#pragma once

#include <sys/types.h>

#include <string>

#include "ipc/unique_fd.hpp"

namespace prefork::master {

/// The pid file. What says that a master runs is the lock on it, not that the file is there: a file left
/// behind by a killed master is taken over. Source: flock(2).
class PidFile {
 public:
  /// Writes the caller's pid. An empty path: no file.
  /// @throws StartupError: another master holds it, or it can't be written.
  explicit PidFile(const std::string& path);
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  /// Removes the file, in the process that made it.
  ~PidFile();

 private:
  std::string path_;
  pid_t owner_;
  ipc::UniqueFd file_;
};

}  // namespace prefork::master
