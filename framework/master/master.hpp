#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "framework/master/control_command.hpp"
#include "framework/master/control_socket.hpp"
#include "framework/master/generation.hpp"
#include "framework/master/log.hpp"
#include "framework/master/log_writers.hpp"
#include "framework/master/reactor.hpp"
#include "framework/master/workforce.hpp"
#include "ipc/unique_fd.hpp"

namespace prefork::master {

/// The master's life: signals, commands and time come in; the workforce does what follows.
class Master {
 public:
  struct Setup {
    Generation generation;  ///< with its listeners bound
    std::string config_file;
    std::string version;
  };

  /// @throws StartupError, std::system_error
  Master(Setup setup, Log& log, RunWorker run);
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  /// Serves until it is told to stop and every worker has gone. Blocks. @return the exit code.
  int run();

 private:
  /// How the server is being stopped: each further signal is a step.
  enum class StopLevel : std::uint8_t { none, graceful, fast, kill };

  void open_access_logs();
  void take_signals();
  void on_signal(int signal, pid_t sender);
  void stop(StopLevel level, std::string_view why);
  void resize_first(int change);
  void retire_all();
  void reopen_log();

  ControlSocket::Reply carry_out(const ControlCommand& command);
  std::string scale(const ScaleCommand& command);
  std::string reopen();
  std::string administer(const QueueCommand& command);
  StatusSnapshot snapshot();

  Log& log_;
  Generation generation_;
  std::string config_file_;
  std::string version_;
  TimePoint started_;
  Reactor reactor_;
  ipc::UniqueFd signals_;
  LogWriters log_writers_;
  Workforce workforce_;
  ControlSocket control_;
  StopLevel stop_level_ = StopLevel::none;
};

}  // namespace prefork::master
