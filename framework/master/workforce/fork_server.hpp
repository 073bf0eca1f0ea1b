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
/// anything of the configuration: what it forks has in its memory what the order says, and no other pool's options,
/// objects or slots, nor a lock that a thread of the master's held. Its children are the master's (clone(2),
/// CLONE_PARENT): the master reaps them.
namespace prefork::master {

/// What a forked child shall do: a text, and descriptors beside it.
struct ForkOrder {
  std::string text;
  std::vector<int> descriptors;  ///< stay the caller's
};

/// Does what an order says, in the child; should not return. The descriptors are the child's, close-on-exec, in the
/// order's order.
using CarryOut = std::function<void(std::string_view text, const std::vector<int>& descriptors)>;

/// The command line's word for the process: `--fork-server=FD`.
constexpr const char* kForkServerOption = "--fork-server=";

/// The master's side.
class ForkServer {
 public:
  /// Nothing is started yet: begin() or the first order does that.
  /// @param build      of this program: a server that is another one is refused
  /// @param carry_out  for a master that has to fork by itself
  ForkServer(std::string build, CarryOut carry_out) : build_(std::move(build)), carry_out_(std::move(carry_out)) {}
  ForkServer(const ForkServer&) = delete;
  ForkServer& operator=(const ForkServer&) = delete;
  ~ForkServer() { stop(); }

  /// Starts the server where none runs, so that what is against it is told before anything else.
  /// @throws StartupError: threads, while nobody is told of trouble; std::system_error
  void begin();
  /// Forks a child of this process that carries the order out. Without a server, which is said once, the child is a
  /// copy of this process. Waits for the server's answer, a second at the most.
  /// @throws std::system_error: no process, no descriptors; EPIPE: the server ended before it answered, and there may
  /// be such a child, which the caller makes go by closing what it is given; StartupError: threads, while nobody is
  /// told of trouble
  pid_t fork(const ForkOrder& order);

  /// Children shall not have these variables of the environment, which hold secrets: from now on, whatever else is
  /// withheld later. A child that is a copy of this process has them.
  void withhold(const std::vector<std::string>& variables);

  /// From now on trouble is told instead of thrown, and the master goes on.
  void tell(std::function<void(const std::string&)> of_trouble) { tell_ = std::move(of_trouble); }
  /// A child has been reaped. @return whether it was the server: the next order starts another
  bool buried(pid_t pid);
  /// In a copy of the process that had the server, which has closed what it inherited: the next order starts a server
  /// of its own. Trouble is told to nobody.
  void begin_anew() noexcept;
  /// Ends the server and reaps it.
  void stop() noexcept;
  /// -1: none runs.
  pid_t pid() const noexcept { return pid_; }

 private:
  void start();
  void greet();
  std::optional<pid_t> ask(const ForkOrder& order);  ///< nullopt: no child comes of it
  pid_t fork_here(const ForkOrder& order);
  void trouble(const std::string& sentence);

  std::string build_;
  CarryOut carry_out_;
  std::function<void(const std::string&)> tell_;
  std::string told_;  ///< what was said last
  ipc::UniqueFd socket_;
  pid_t pid_ = -1;
  pid_t owner_ = -1;      ///< who started it: its children are that process's
  bool forlorn_ = false;  ///< no server can be had
  std::set<std::string> withheld_;
};

/// Is the server: forks for whoever holds the other end of the socket, until that end is closed.
[[noreturn]] void serve_forks(ipc::UniqueFd socket, const std::string& build, const CarryOut& carry_out) noexcept;

/// How many threads the calling process has; 1 where /proc does not say.
unsigned count_threads() noexcept;
/// Why a process with more than one can't go on.
std::string threads_sentence(unsigned threads);

}  // namespace prefork::master
