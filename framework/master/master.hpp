#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framework/master/access_logs.hpp"
#include "framework/master/control/control_command.hpp"
#include "framework/master/control/control_socket.hpp"
#include "framework/master/generation/generation.hpp"
#include "framework/master/log/log.hpp"
#include "framework/master/log/log_writers.hpp"
#include "framework/master/loop/jobs.hpp"
#include "framework/master/loop/reactor.hpp"
#include "framework/master/notifier.hpp"
#include "framework/master/pid_file.hpp"
#include "framework/master/reload.hpp"
#include "framework/master/upgrade.hpp"
#include "framework/master/upgrade/adoption.hpp"
#include "framework/master/workforce/fork_server.hpp"
#include "framework/master/workforce/workforce.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// The master's life: it takes signals, commands and time; the workforce acts on them.
class Master {
 public:
  struct Setup {
    Generation generation;  ///< with its listeners bound
    PrepareAgain prepare_again;
    std::string config_file;
    std::string version;
    Notifier::Setup notify{};             ///< whom to notify
    Program program{};                    ///< the program that an upgrade starts, unless another is given
    LostRequestLine lost_request_line{};  ///< how to log a lost request; empty: not at all
    PidFile* pid_file = nullptr;          ///< still owned by the caller
    std::unique_ptr<Adoption> adopted{};  ///< instead of `generation`: what another program handed over
  };

  /// With a handed-over state it does nothing that others would notice until it runs.
  /// @throws StartupError, std::system_error
  Master(Setup setup, Log& log, ForkServer& fork_server, ForkWorker fork);
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  /// Serves until it is told to stop and every worker has gone. Blocks. @return the exit code
  int run();

 private:
  /// How far the server's stop has gone: each further signal is a step.
  enum class StopLevel : std::uint8_t { none, graceful, fast, kill };

  void announce();
  void begin_upgraded();
  void log_lost_requests();
  void buried(pid_t pid, int wait_status);
  void tend(TimePoint now);
  std::optional<TimePoint> next_deadline(TimePoint now);
  void take_signals();
  void on_signal(int signal, pid_t sender);
  bool is_repeated(int signal);
  void stop(StopLevel level, std::string_view why);
  void resize_first(int change);
  void retire_all();
  void reopen_log();

  void restore_files();
  Reload::Hooks reload_hooks();
  Upgrade::Hooks upgrade_hooks();
  /// @return why it is not possible; empty: it has begun, or will
  std::string ask_upgrade(std::optional<std::string> binary, std::optional<ControlSocket::ClientId> client,
                          std::string_view why);

  // master_handover.cpp
  std::shared_ptr<Generation> first_generation(Setup& setup);
  static std::optional<ControlSocket::Held> held_control(const Adoption* adopted);
  void adopt(const Handover& state);
  Handover hand_over() const;
  std::vector<HandedClient> handed_clients() const;

  ControlSocket::Reply carry_out(const ControlCommand& command, ControlSocket::ClientId client);
  std::string scale(const ScaleCommand& command);
  std::string scale_back(std::size_t pool, const std::string& name);
  std::string no_room() const;
  std::string reopen();
  ControlSocket::Reply begin_job(std::unique_ptr<Job> job);
  ControlSocket::Reply administer(const QueueCommand& command, ControlSocket::ClientId client);
  ControlSocket::Reply survey(ControlSocket::ClientId client,
                              std::function<std::string(const std::vector<SharedStatus>&)> answer);
  StatusSnapshot snapshot();
  ServiceReport service_report() const;

  Log& log_;
  ForkServer& fork_server_;
  std::string config_file_;
  std::string version_;
  TimePoint started_;
  Reactor reactor_;
  ipc::UniqueFd signals_;
  Notifier notifier_;
  LogWriters log_writers_;
  AccessLogs access_logs_;
  Workforce workforce_;
  ControlSocket control_;
  Jobs jobs_;
  StopLevel stop_level_ = StopLevel::none;
  std::optional<std::pair<int, TimePoint>> last_stop_;  ///< the last signal that was an order to stop
  PidFile* pid_file_;
  Reload reload_;
  Upgrade upgrade_;
  std::optional<std::string> upgraded_from_;             ///< the version that handed over
  std::optional<ControlSocket::ClientId> upgraded_for_;  ///< who waits for the result
};

}  // namespace prefork::master
