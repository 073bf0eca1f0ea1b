#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

/// Child processes and files of a system test.
namespace prefork::system_test {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

/// How long a test waits for what must come. Generous: the machine may be small and busy.
inline constexpr milliseconds kPatience = 20s;

/// Evaluates `condition` repeatedly until it holds. @return false: it did not hold within `patience`
template <class Condition>
bool eventually(Condition condition, milliseconds patience = kPatience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(3ms);
  }
  return true;
}

/// A folder of the test, removed with its contents by the destructor.
class TempDir {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  const std::string& path() const noexcept { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text);
bool exists(const std::string& path);
std::size_t count(const std::string& text, const std::string& part);

struct Command {
  std::vector<std::string> argv;
  std::vector<std::string> environment{};  ///< NAME=VALUE, added to the test's own environment
  std::optional<uid_t> user{};             ///< the user to become before the exec; for root
  std::optional<rlim_t> descriptors{};     ///< RLIMIT_NOFILE, soft and hard
};

/// A child that leads a process group of its own. Whatever is left of the group is killed at the end.
class Process {
 public:
  Process(const Command& command, const std::string& out_path, const std::string& err_path);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  pid_t pid() const noexcept { return pid_; }
  void signal(int number) const;
  /// Waits for the end. @return its wait status; nullopt: it did not end in time
  std::optional<int> wait(milliseconds patience = kPatience);
  /// Every process of its group, including zombies.
  std::vector<pid_t> group() const;
  /// Whether the whole group is gone within `patience`; reaps orphans.
  bool group_gone(milliseconds patience = kPatience);

 private:
  pid_t pid_;
  std::optional<int> status_;
};

struct Outcome {
  int code;  ///< exit code; -SIGNAL; -1000: it did not end in time
  std::string out;
  std::string err;
};

/// Runs a program to its end.
Outcome run(const Command& command, milliseconds patience = 60s);

/// Whether a program is there; if not, says that the test is skipped for lack of it.
bool have(const std::string& program);

/// The text after `Name:` in /proc/PID/status; empty if there is none.
std::string proc_status(pid_t pid, const std::string& name);
/// User and system time that the process has used.
milliseconds cpu_time(pid_t pid);
/// Whether the process exists and is no zombie.
bool alive(pid_t pid);
std::vector<pid_t> children_of(pid_t pid);
/// Where each descriptor of a process leads: "3 socket:[4711]" as {3, "socket:[4711]"}.
std::vector<std::pair<int, std::string>> descriptors_of(pid_t pid);

}  // namespace prefork::system_test
