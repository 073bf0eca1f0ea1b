#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "framework/master/log/log.hpp"
#include "framework/master/loop/clock.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// What a service manager can be told of the server.
struct ServiceReport {
  unsigned generation = 1;
  unsigned ready = 0;     ///< workers
  unsigned wanted = 0;    ///< workers
  unsigned running = 0;   ///< workers, in whatever state
  bool complete = false;  ///< every pool has as many ready workers as it shall have
  bool stopping = false;
  std::string_view reload{};       ///< where a reload is; empty: none
  std::string_view last_reload{};  ///< how the last one ended; empty: there was none
};

/// One line for people: "generation 3: 4 workers ready, 4 wanted". Pure; at most 512 bytes, without control characters.
std::string status_text(const ServiceReport& report);

/// Tells the service manager (systemd, or whoever speaks its protocol) how the server fares: READY, RELOADING,
/// STOPPING, STATUS, WATCHDOG. Without one it tells nobody. Never blocks: what the manager has no room for is sent
/// later. A manager that can't be reached is said once in the log. Process: master. Source: sd_notify(3),
/// sd_watchdog_enabled(3)
class Notifier {
 public:
  struct Setup {
    std::string socket{};                                 ///< a path, or "@" and an abstract name; empty: nobody
    std::optional<std::chrono::microseconds> watchdog{};  ///< how long the manager may hear nothing
    bool tells_pid = false;                               ///< the manager knows of another process than this one
    bool was_ready = false;                               ///< another program has told it in this process
    std::function<void()> on_ready{};                     ///< is called when READY is told, once
  };
  /// Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment. A watchdog that is meant for another
  /// process is none.
  static Setup take_environment();

  Notifier(Setup setup, Log& log);
  const Setup& setup() const noexcept { return setup_; }

  /// Tells what has changed since the last call, and gives the sign of life that is due.
  void tend(TimePoint now, const ServiceReport& report);
  /// READY was told.
  bool was_ready() const noexcept { return phase_ != Phase::starting; }
  /// Who has started the server still waits for READY, by Setup::on_ready.
  bool is_awaited() const noexcept { return phase_ == Phase::starting && setup_.on_ready; }

  /// When tend() should be called again at the latest.
  std::optional<TimePoint> next_deadline() const noexcept;

  /// A reload begins now. Told at once, since the master may be busy with it for a while.
  void reload_began();
  /// It is over, whichever way: the server serves.
  void reload_ended();
  void stopping();

 private:
  enum class Phase : std::uint8_t { starting, ready, reloading, stopping };

  void say(std::string assignments);
  void flush();
  void give_up(std::string_view call, int error);

  Setup setup_;
  Log& log_;
  ipc::UniqueFd socket_;
  Phase phase_ = Phase::starting;
  std::string last_status_;
  std::optional<TimePoint> next_sign_;  ///< of life; nullopt: none is wanted
  std::uint64_t lost_ = Clock::lost();  ///< when it was given last
  std::deque<std::string> unsent_;
  bool gave_up_ = false;
};

}  // namespace prefork::master
