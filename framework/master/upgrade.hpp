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

/// Makes room for another program in the master's own process: a child tries whether that program could go on, and then
/// it is executed in the place of this one. If anything fails before, this one goes on.
/// Used by the master, in its loop. Nothing blocks.
class Upgrade {
 public:
  struct Hooks {
    /// The state of the server as it is.
    std::function<Handover()> hand_over;
    /// Finishes what can't be handed over half done. Called right before the last hand_over().
    std::function<void()> settle;
    std::function<void(ControlSocket::ClientId, const std::string& line)> answer;
  };

  /// @param program  what is started unless another one is asked for
  /// @param version  of this program
  /// @param reactor, log  live longer than this
  Upgrade(Program program, std::string version, Reactor& reactor, Log& log, Hooks hooks);
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;

  /// Asks for one, unless one is under way.
  /// @param client  who waits to hear of it
  /// @param why  who asks: "SIGUSR2 from pid 12"
  /// @param after_reload  it begins when a reload is over
  /// @return why it can't be; empty: it is begun, or will be
  std::string ask(std::optional<std::string> binary, std::optional<ControlSocket::ClientId> client,
                  std::string_view why, bool after_reload);

  /// What of the server must come to an end first.
  struct Busy {
    bool reload = false;  ///< two generations may each become the one that stays
    bool jobs = false;
  };
  /// Goes on. Does not return if the other program takes over.
  /// @param patience  how long a trial may take
  void tend(TimePoint now, const Busy& busy, std::chrono::milliseconds patience);
  /// When to call tend() again at the latest.
  std::optional<TimePoint> next_deadline() const;
  /// A child of the master has been reaped.
  void buried(pid_t pid, int wait_status);
  /// The server stops: whoever waits hears that.
  void stop();

  /// The trial runs or has succeeded: no reload may begin.
  bool has_begun() const noexcept { return current_ && (current_->trial != nullptr || current_->proved); }
  /// The trial has succeeded: no job may begin.
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

/// How long a program may take to show that it can go on: as long as the slowest worker to get ready.
std::chrono::milliseconds trial_patience(const config::Options& options);

}  // namespace prefork::master
