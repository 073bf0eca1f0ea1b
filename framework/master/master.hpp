#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "framework/master/control/control_command.hpp"
#include "framework/master/control/control_socket.hpp"
#include "framework/master/generation/generation.hpp"
#include "framework/master/generation/preparation.hpp"
#include "framework/master/log/log.hpp"
#include "framework/master/log/log_writers.hpp"
#include "framework/master/loop/jobs.hpp"
#include "framework/master/loop/reactor.hpp"
#include "framework/master/notifier.hpp"
#include "framework/master/pid_file.hpp"
#include "framework/master/upgrade/adoption.hpp"
#include "framework/master/upgrade/upgrade_trial.hpp"
#include "framework/master/workforce/fork_server.hpp"
#include "framework/master/workforce/workforce.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// The master's life: it takes signals, commands and time; the workforce acts on them.
class Master {
 public:
  /// Reads the configuration again and makes a generation from it, without sockets. Blocks, as prepare_generation()
  /// does, and therefore runs in a child that has only those of the master's descriptors that belong to `running`.
  /// `only`: the pool to reload, while the others stay as they are. @throws StartupError, config::ConfigError
  using PrepareAgain =
      std::function<Generation(const Generation& running, unsigned number, const std::optional<std::string>& only)>;

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

  /// A requested reload, and who waits for its result.
  struct Reload {
    std::optional<std::string> only;
    std::set<std::string> discard;
    std::vector<ControlSocket::ClientId> waiting;
  };

  /// A requested upgrade.
  struct Upgrade {
    Program program;
    std::optional<ControlSocket::ClientId> client;
    std::unique_ptr<UpgradeTrial> trial;
    bool proved;  ///< the trial has ended well
  };

  void check_access_logs(const Generation& generation) const;
  void open_access_logs(Generation& generation);
  void close_access_logs();
  void log_lost_requests();
  void announce();
  void tell_oddities(const Generation& generation);
  void take_signals();
  void on_signal(int signal, pid_t sender);
  bool is_repeated(int signal);
  void stop(StopLevel level, std::string_view why);
  void resize_first(int change);
  void retire_all();
  void reopen_log();

  void ask_reload(Reload wanted, std::string_view why);
  void begin_reload();
  void restore_files();
  Generation prepare_next(unsigned number) const;
  void tend_preparation(TimePoint now);
  void begin_rollout();
  void end_preparation() noexcept;
  std::string_view reload_phase() const noexcept;
  void tend_reload(TimePoint now);
  void end_reload(const std::string& failure, int exit_code);

  /// @return why it is not possible; empty: it has begun, or will
  std::string ask_upgrade(std::optional<std::string> binary, std::optional<ControlSocket::ClientId> client,
                          std::string_view why);
  void tend_upgrade(TimePoint now);
  std::optional<TimePoint> upgrade_deadline() const;
  void begin_trial(TimePoint now);
  void trial_ended(pid_t pid, int wait_status);
  void execute_upgrade();
  void end_upgrade(const std::string& failure, int exit_code);
  Handover hand_over() const;
  std::shared_ptr<Generation> first_generation(Setup& setup);
  static std::optional<ControlSocket::Held> held_control(const Adoption* adopted);
  void adopt(const Handover& state);
  void begin_upgraded();

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
  PrepareAgain prepare_again_;
  std::string config_file_;
  std::string version_;
  TimePoint started_;
  Reactor reactor_;
  ipc::UniqueFd signals_;
  Notifier notifier_;
  LogWriters log_writers_;
  Workforce workforce_;
  ControlSocket control_;
  Jobs jobs_;
  StopLevel stop_level_ = StopLevel::none;
  std::optional<std::pair<int, TimePoint>> last_stop_;  ///< the last signal that was an order to stop
  std::optional<Reload> reload_;                        ///< under way
  std::optional<Reload> next_reload_;                   ///< requested meanwhile
  std::unique_ptr<Preparation> preparation_;
  unsigned last_number_ = 1;
  std::string last_reload_;  ///< how it ended
  std::uint64_t reloads_done_ = 0;
  std::uint64_t reloads_failed_ = 0;
  std::size_t generations_alive_ = 1;
  Program program_;
  LostRequestLine lost_request_line_;
  PidFile* pid_file_;
  std::optional<Upgrade> upgrade_;
  std::optional<std::string> upgraded_from_;             ///< the version that handed over
  std::optional<ControlSocket::ClientId> upgraded_for_;  ///< who waits for the result
};

}  // namespace prefork::master
