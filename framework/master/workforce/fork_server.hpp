#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/posix/unique_fd.hpp"

/// The process that forks workers and inspectors for the master. It is the same program, executed anew before it knows
/// anything about the configuration. So a process that it forks has in memory only what its order says: no other pool's
/// options, objects or slots, and no lock that a thread of the master held. Its children are the master's (clone(2),
/// CLONE_PARENT): the master reaps them.
namespace prefork::master {

/// What a forked child must do: a text, and descriptors beside it.
struct ForkOrder {
  std::string text;
  std::vector<int> descriptors;  ///< still owned by the caller
};

/// Carries out an order in the child; should not return. The child owns the descriptors, which are close-on-exec and in
/// the order of the order.
using CarryOut = std::function<void(std::string_view text, const std::vector<int>& descriptors)>;

/// The command line option of the process: `--fork-server=FD`.
constexpr const char* kForkServerOption = "--fork-server=";

/// The master's side.
class ForkServer {
 public:
  /// Starts nothing yet: begin() or the first order does that.
  /// @param build      that of this program: a server of another build is refused
  /// @param carry_out  for a master that must fork by itself
  ForkServer(std::string build, CarryOut carry_out) : build_(std::move(build)), carry_out_(std::move(carry_out)) {}
  ForkServer(const ForkServer&) = delete;
  ForkServer& operator=(const ForkServer&) = delete;
  ~ForkServer() { stop(); }

  /// Starts the server if none runs, so that obstacles are reported before anything else.
  /// @throws StartupError: the process has threads, and tell() was not called yet; std::system_error
  void begin();
  /// Forks a child of this process that carries out the order. Without a server, which is reported once, the child is a
  /// copy of this process. Waits at most a second for the server's answer.
  /// @throws std::system_error: no process, no descriptors; EPIPE: the server ended before it answered, and such a
  /// child may exist: the caller makes it exit by closing its ends of what the child got; StartupError: the process has
  /// threads, and tell() was not called yet
  pid_t fork(const ForkOrder& order);

  /// Withholds these environment variables, which hold secrets, from children: from now on, whatever else is withheld
  /// later. A child that is a copy of this process has them.
  void withhold(const std::vector<std::string>& variables);

  /// From now on trouble is reported to `of_trouble` instead of thrown, and the master goes on.
  void tell(std::function<void(const std::string&)> of_trouble) { tell_ = std::move(of_trouble); }
  /// A child was reaped. @return whether it was the server: the next order starts another one
  bool buried(pid_t pid);
  /// For a copy of the process that had the server, which has closed what it inherited: the next order starts a server
  /// of its own. Trouble is reported to nobody.
  void begin_anew() noexcept;
  /// Ends the server and reaps it.
  void stop() noexcept;
  /// -1: no server is running.
  pid_t pid() const noexcept { return pid_; }

 private:
  void start();
  void greet();
  std::optional<pid_t> ask(const ForkOrder& order);  ///< nullopt: the order made no child
  pid_t fork_here(const ForkOrder& order);
  void trouble(const std::string& sentence);

  std::string build_;
  CarryOut carry_out_;
  std::function<void(const std::string&)> tell_;
  std::string told_;  ///< the last trouble reported
  ipc::UniqueFd socket_;
  pid_t pid_ = -1;
  pid_t owner_ = -1;      ///< the process that started it: its children are that process's
  bool forlorn_ = false;  ///< no server can be started
  std::set<std::string> withheld_;
};

/// Runs the server: forks for whoever holds the other end of the socket, until that end is closed.
[[noreturn]] void serve_forks(ipc::UniqueFd socket, const std::string& build, const CarryOut& carry_out) noexcept;

/// How many threads the calling process has; 1 if /proc does not say.
unsigned count_threads() noexcept;
/// Why a process with several threads can't go on.
std::string threads_sentence(unsigned threads);

}  // namespace prefork::master
