#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "framework/config/options.hpp"
#include "framework/master/control/control_socket.hpp"
#include "framework/master/log/log.hpp"
#include "framework/master/loop/reactor.hpp"
#include "framework/master/upgrade/handover.hpp"
#include "framework/master/upgrade/upgrade_trial.hpp"

namespace prefork::master {

/// Makes room for another program in the master's own process: a child tries whether that program could take over, and
/// then the program is executed in place of this one. If anything fails before that, this program continues. Used by
/// the master, in its loop. Nothing blocks.
class Upgrade {
 public:
  struct Hooks {
    /// The present state of the server.
    std::function<Handover()> hand_over;
    /// Finishes what can't be handed over half done. Called right before the last hand_over().
    std::function<void()> settle;
    std::function<void(ControlSocket::ClientId, const std::string& line)> answer;
  };

  /// @param program  what to start unless another program is requested
  /// @param version  of this program
  /// @param reactor, log  must outlive this object
  Upgrade(Program program, std::string version, Reactor& reactor, Log& log, Hooks hooks);
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;

  /// Requests an upgrade, unless one is under way.
  /// @param client  who waits for the result
  /// @param why  who asks: "SIGUSR2 from pid 12"
  /// @param after_reload  it begins when a reload is over
  /// @return why it is not possible; empty: it has begun, or will
  std::string ask(std::optional<std::string> binary, std::optional<ControlSocket::ClientId> client,
                  std::string_view why, bool after_reload);

  /// What must end before the upgrade.
  struct Busy {
    bool reload = false;  ///< there are two generations, either of which may stay
    bool jobs = false;
  };
  /// Continues. Does not return if the other program takes over.
  /// @param patience  how long a trial may take
  void tend(TimePoint now, const Busy& busy, std::chrono::milliseconds patience);
  /// The latest time to call tend() again.
  std::optional<TimePoint> next_deadline() const;
  /// A child of the master was reaped.
  void buried(pid_t pid, int wait_status);
  /// The server stops: the client that waits is told so.
  void stop();

  /// Whether the trial runs or has succeeded: no reload may begin.
  bool has_begun() const noexcept { return current_ && (current_->trial != nullptr || current_->proved); }
  /// Whether the trial has succeeded: no job may begin.
  bool is_proved() const noexcept { return current_ && current_->proved; }
  bool is_awaited_by(ControlSocket::ClientId client) const noexcept { return current_ && current_->client == client; }

 private:
  struct Current {
    Program program;
    std::optional<ControlSocket::ClientId> client;
    std::unique_ptr<UpgradeTrial> trial;
    bool proved;  ///< the trial has ended well
  };

  void begin_trial(TimePoint deadline);
  void execute();
  void end(const std::string& failure, int exit_code);

  Program program_;
  std::string version_;
  Reactor& reactor_;
  Log& log_;
  Hooks hooks_;
  std::optional<Current> current_;
};

/// How long a program may take to show that it can take over: as long as the slowest worker may take to become ready.
std::chrono::milliseconds trial_patience(const config::Options& options);

}  // namespace prefork::master
