#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "framework/master/access_logs.hpp"
#include "framework/master/control/control_socket.hpp"
#include "framework/master/generation/generation.hpp"
#include "framework/master/generation/preparation.hpp"
#include "framework/master/log/log.hpp"
#include "framework/master/loop/reactor.hpp"
#include "framework/master/report/status_report.hpp"
#include "framework/master/workforce/fork_server.hpp"
#include "framework/master/workforce/workforce.hpp"

namespace prefork::master {

/// Reads the configuration again and makes a generation from it, without sockets. Blocks, as prepare_generation() does,
/// and therefore runs in a child that has only those of the master's descriptors that belong to `running`. `only`: the
/// pool to reload, while the others stay as they are. @throws StartupError, config::ConfigError
using PrepareAgain =
    std::function<Generation(const Generation& running, unsigned number, const std::optional<std::string>& only)>;

/// Takes on a new configuration: a child prepares the generation, the workforce rolls it in, and the clients that wait
/// get the result. One at a time: requests during a reload are carried out after it, once for all who asked. Used by
/// the master, in its loop. Nothing blocks.
class Reload {
 public:
  /// What is requested, and who waits for the result.
  struct Wanted {
    std::optional<std::string> only;
    std::set<std::string> discard;
    std::vector<ControlSocket::ClientId> waiting;
  };
  /// What it works on, all of which must outlive it.
  struct Parts {
    Workforce& workforce;
    ForkServer& fork_server;
    AccessLogs& access_logs;
    Reactor& reactor;
    Log& log;
  };
  struct Hooks {
    std::function<void()> begins;  ///< called before anything is done
    std::function<void()> ended;   ///< whichever way
    std::function<void(ControlSocket::ClientId, const std::string& line)> answer;
  };

  Reload(const Parts& parts, PrepareAgain prepare_again, Hooks hooks);
  Reload(const Reload&) = delete;
  Reload& operator=(const Reload&) = delete;

  /// @param why  who asks: "SIGHUP from pid 12"
  void ask(Wanted wanted, std::string_view why);
  /// Continues. @param may_begin  false: a request must wait
  void tend(TimePoint now, bool may_begin);
  /// The latest time to call tend() again.
  std::optional<TimePoint> next_deadline() const;
  /// A child of the master was reaped. @return whether it belonged to this reload
  bool buried(pid_t pid, int wait_status) noexcept;
  /// The server stops: the clients that wait are told so.
  void stop();

  /// Whether a reload is under way or requested.
  bool busy() const noexcept;
  /// "preparing", "canary", "rolling", "rolling back"; empty: none is under way
  std::string_view phase() const noexcept;
  /// How the last reload ended; empty: there was none.
  const std::string& last() const noexcept { return last_; }
  void report(MasterStatus& status) const;

  /// A request that has not begun continues in the program that takes over.
  void hand_over(Handover& handover) const;
  bool is_awaited_by(ControlSocket::ClientId client) const;
  void adopt(const Handover& handover);
  /// A client of the previous program waits for the result of its request.
  void adopt_waiting(ControlSocket::ClientId client);

 private:
  void begin();
  Generation prepare(unsigned number) const;
  void tend_preparation(TimePoint now);
  void begin_rollout();
  void end_preparation() noexcept;
  void end(const std::string& failure, int exit_code);
  std::string succeeded();
  std::string failed(const std::string& failure, int exit_code);
  std::string current() const;
  void close_access_logs();

  Parts with_;
  PrepareAgain prepare_again_;
  Hooks hooks_;
  std::optional<Wanted> now_;   ///< under way
  std::optional<Wanted> next_;  ///< requested meanwhile
  std::unique_ptr<Preparation> preparation_;
  unsigned last_number_ = 1;
  std::string last_;
  std::uint64_t done_ = 0;
  std::uint64_t failed_ = 0;
  std::size_t generations_alive_ = 1;
};

/// Logs what is unusual about a generation: notes, warnings, and remarks on its listeners.
void tell_oddities(const Generation& generation, Log& log);

}  // namespace prefork::master
