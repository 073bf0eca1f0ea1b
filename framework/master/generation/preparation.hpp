#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "framework/master/generation/generation.hpp"
#include "framework/master/loop/clock.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// A child of the master that prepares a generation, so that the master never waits for a name server, a file or a
/// plugin. It is a copy of the master, runs no plugin code, and has only those of the master's descriptors that it
/// needs.
class Preparation {
 public:
  /// Makes the generation, with its listeners. Runs in the child; what it throws, take() throws.
  using Work = std::function<Generation()>;

  /// Starts the child. @param running  the running generation; it must be the same when the result is taken
  /// @param patience  for each errand (config::begin_errand). @throws std::system_error
  Preparation(const Generation& running, const Work& work, std::chrono::milliseconds patience);
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;
  /// Kills the child if it still runs. It is reaped like any other.
  ~Preparation();

  int fd() const noexcept { return socket_.get(); }  ///< readable: call hear()
  pid_t pid() const noexcept { return child_; }
  /// When the present errand has taken too long.
  TimePoint deadline() const noexcept { return deadline_; }
  std::string late_sentence() const;

  /// Takes what the child has said. Blocks: never. @return false: it says nothing more
  bool hear();
  /// The child was reaped.
  void ended(int wait_status) noexcept { wait_status_ = wait_status; }
  bool is_over() const noexcept { return wait_status_.has_value(); }
  /// The result, once the child is over. @throws StartupError: what the work has thrown, or that the child ended early
  Generation take(const Generation& running);

 private:
  void heard(std::string_view packet);

  std::chrono::milliseconds patience_;
  std::string errand_;  ///< the present one
  std::string text_;
  std::vector<ipc::UniqueFd> descriptors_;
  std::optional<std::string> failure_;
  int failure_code_ = 0;
  bool complete_ = false;
  bool short_of_descriptors_ = false;
  TimePoint deadline_;
  ipc::UniqueFd socket_;
  pid_t child_ = -1;
  std::optional<int> wait_status_;
};

}  // namespace prefork::master
