#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::cli {

/// The server's way into the background, for systems without a service manager: two forks, a session of its own, the
/// standard streams to /dev/null. Who started it waits for it and learns how the start went. Source: daemon(7)
class Daemon {
 public:
  /// To be called before anything is opened: what is open now was inherited, and is closed by begin(), but the standard
  /// streams and `given`. A lock or a pipe that somebody left open would be held for as long as the server runs.
  void note_inherited(const std::vector<int>& given);
  /// Forks; returns in the daemon alone. The starter's process waits until the daemon says ready() or fail(), or ends,
  /// and then exits: with 0, or with the failure's code and its sentence on standard error. A daemon that is not ready
  /// within `patience` is stopped. Without this call the server is in the foreground. @throws std::system_error
  void begin(std::chrono::milliseconds patience);
  bool begun() const noexcept { return begun_; }

  /// The server serves: the starter returns.
  void ready() noexcept;
  /// The server can't start, or not go on. Where no starter waits the sentence goes to standard error.
  void fail(const std::string& sentence, int exit_code) noexcept;

 private:
  void tell(const std::string& message) noexcept;

  bool begun_ = false;
  std::vector<int> inherited_;
  ipc::UniqueFd starter_;  ///< the pipe to it, as long as it waits
};

}  // namespace prefork::cli
