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

/// What a service manager can be told about the server.
struct ServiceReport {
  unsigned generation = 1;
  unsigned ready = 0;     ///< workers
  unsigned wanted = 0;    ///< workers
  unsigned running = 0;   ///< workers, in any state
  bool complete = false;  ///< whether every pool has as many ready workers as it should have
  bool stopping = false;
  std::string_view reload{};       ///< the phase of a reload; empty: none
  std::string_view last_reload{};  ///< how the last reload ended; empty: there was none
};

/// One line for people: "generation 3: 4 workers ready, 4 wanted". Pure; at most 512 bytes, without control characters.
std::string status_text(const ServiceReport& report);

/// Tells the service manager (systemd, or any other with the same protocol) the state of the server: READY, RELOADING,
/// STOPPING, STATUS, WATCHDOG. Without a manager it tells nobody. Never blocks: what the manager has no room for is
/// sent later. A manager that can't be reached is logged once. Process: master. Source: sd_notify(3),
/// sd_watchdog_enabled(3)
class Notifier {
 public:
  struct Setup {
    std::string socket{};                                 ///< a path, or "@" and an abstract name; empty: nobody
    std::optional<std::chrono::microseconds> watchdog{};  ///< how long the manager may go without a message
    bool tells_pid = false;                               ///< the manager knows another process than this one
    bool was_ready = false;                               ///< another program in this process has already told it
    std::function<void()> on_ready{};                     ///< called once, when READY is sent
  };
  /// Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment. Ignores a watchdog that is meant for
  /// another process.
  static Setup take_environment();

  Notifier(Setup setup, Log& log);
  const Setup& setup() const noexcept { return setup_; }

  /// Sends what has changed since the last call, and the watchdog message that is due.
  void tend(TimePoint now, const ServiceReport& report);
  /// Whether READY was sent.
  bool was_ready() const noexcept { return phase_ != Phase::starting; }
  /// Whether the process that started the server still waits for READY, by Setup::on_ready.
  bool is_awaited() const noexcept { return phase_ == Phase::starting && setup_.on_ready; }

  /// When to call tend() again.
  std::optional<TimePoint> next_deadline() const noexcept;

  /// A reload begins now. Sent at once, since it may keep the master busy for a while.
  void reload_began();
  /// The reload is over, whatever its result: the server serves.
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
  std::optional<TimePoint> next_sign_;  ///< of the watchdog messages; nullopt: none are wanted
  std::uint64_t lost_ = Clock::lost();  ///< when the last one was sent
  std::deque<std::string> unsent_;
  bool gave_up_ = false;
};

}  // namespace prefork::master
