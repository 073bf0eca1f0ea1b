#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "ipc/posix/privileges.hpp"

namespace prefork::master {

/// Runs a function, usually a plugin's, in a short-lived child, so that the master survives whatever it does.
class Inspector {
 public:
  /// What the child does: returns the bytes for the master, or throws the reason why not.
  using Work = std::function<std::string()>;
  /// What the child needs to know.
  struct Child {
    int out = -1;                         ///< for its answer
    pid_t master = 0;                     ///< its parent
    std::optional<ipc::Identity> run_as;  ///< nullopt: with the master's rights
  };
  /// Forks the child, which must call be_inspector(). May throw; the exception passes to the caller of run().
  using Start = std::function<pid_t(const Child&)>;

  struct Limits {
    std::chrono::milliseconds patience{5'000};
    std::size_t max_bytes = 512 * 1024;
    std::optional<ipc::Identity> run_as;  ///< nullopt: with the master's rights, for work that is not a plugin's
  };

  explicit Inspector(Limits limits) : limits_(std::move(limits)) {}

  /// Runs the work in a child and waits for it, at most as long as the limits say. @throws StartupError (78): `subject`
  /// and what went wrong: an exception's text, a signal, a time-out
  /// @param keep_fd  the one descriptor besides the standard streams that the child keeps; -1: none
  std::string run(const std::string& subject, int keep_fd, const Work& work) const;
  /// Does the same with a child that another process may fork for this one: for plugin code.
  std::string run(const std::string& subject, const Start& start) const;

 private:
  std::string try_once(const std::string& subject, const Start& start) const;

  Limits limits_;
};

/// Does the work and answers, in the child. @param keep_fd  the one descriptor besides the standard streams that it
/// keeps; -1: none
[[noreturn]] void be_inspector(const Inspector::Child& child, int keep_fd, const Inspector::Work& work) noexcept;

}  // namespace prefork::master
