#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "framework/master/loop/clock.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// How the master was started, and how to start the program that is to take its place.
struct Program {
  std::string binary;                  ///< an absolute path, also argv[0]
  std::vector<std::string> arguments;  ///< after argv[0]
  std::string folder{};                ///< where its arguments are read; empty: the caller's folder
};

/// The option that asks a program whether it could take over: `--verify-handover=FD`. It answers with one line on
/// standard output that begins with kAnswer.
inline constexpr const char* kVerifyOption = "--verify-handover=";
/// The variable that tells a program to take over: "FD:PID", with the pid of its own process.
inline constexpr const char* kTakeOverVariable = "_PREFORK_HANDOVER";

std::string upgrade_yes(const std::string& version);
std::string upgrade_no(int exit_code, const std::string& reason);

/// The result of a trial.
struct TrialVerdict {
  bool passed = false;
  int exit_code = 0;    ///< why not: for the client that asked
  std::string message;  ///< the version, or the reason
};

/// Judges a program by what it wrote and how it ended. Pure. @param late  it was killed for being late
TrialVerdict judge_trial(const std::string& binary, const std::string& words, int wait_status, bool late);

/// A new program in a child that has everything that is handed over but does nothing with it: it answers whether it
/// could take over, and ends. Nothing here blocks.
class UpgradeTrial {
 public:
  /// @param state  a memory file; `handed`: all other descriptors that it names. @throws std::system_error
  UpgradeTrial(Program program, int state, const std::vector<int>& handed, TimePoint deadline);
  UpgradeTrial(const UpgradeTrial&) = delete;
  UpgradeTrial& operator=(const UpgradeTrial&) = delete;
  /// Kills what is left of it. The child is reaped like any other.
  ~UpgradeTrial();

  pid_t pid() const noexcept { return pid_; }
  int fd() const noexcept { return output_.get(); }
  const Program& program() const noexcept { return program_; }
  TimePoint deadline() const noexcept { return deadline_; }

  /// Takes what it has written so far. A program that writes without end is killed. @return false: it has closed its
  /// output
  bool hear();
  void kill_late() noexcept;
  TrialVerdict ended(int wait_status);

 private:
  void kill_group() noexcept;

  Program program_;
  TimePoint deadline_;
  ipc::UniqueFd output_;
  std::string words_;
  pid_t pid_ = -1;
  bool late_ = false;
};

/// Executes `program` in place of the caller, which keeps open the descriptors that the program needs.
/// @return only if it fails: errno; every descriptor is then close-on-exec again
int execute_in_place(const Program& program, int state, const std::vector<int>& handed) noexcept;

/// Writes `text` to a sealed memory file, close-on-exec. @throws std::system_error
ipc::UniqueFd sealed_text(const std::string& text);

}  // namespace prefork::master
