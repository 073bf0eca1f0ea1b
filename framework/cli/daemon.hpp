#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::cli {

/// Puts the server into the background, for systems without a service manager: two forks, a session of its own, the
/// standard streams to /dev/null. The starting process waits for it and learns how the start went. Source: daemon(7)
class Daemon {
 public:
  /// Must be called before anything is opened: whatever is open now was inherited, and begin() closes it, except the
  /// standard streams and `given`. A lock or a pipe that somebody left open would otherwise be held for as long as the
  /// server runs.
  void note_inherited(const std::vector<int>& given);
  /// Forks, and returns only in the daemon. The starting process waits until the daemon calls ready() or fail(), or
  /// ends. Then it exits with 0, or with the failure's code and its sentence on standard error. A daemon that is not
  /// ready within `patience` is stopped. Without this call the server stays in the foreground. @throws
  /// std::system_error
  void begin(std::chrono::milliseconds patience);
  bool begun() const noexcept { return begun_; }

  /// The server serves: the starting process exits.
  void ready() noexcept;
  /// The server can't start, or can't go on. If no starting process waits, the sentence goes to standard error.
  void fail(const std::string& sentence, int exit_code) noexcept;

 private:
  void tell(const std::string& message) noexcept;

  bool begun_ = false;
  std::vector<int> inherited_;
  ipc::UniqueFd starter_;  ///< the pipe to the starting process, as long as it waits
};

}  // namespace prefork::cli
