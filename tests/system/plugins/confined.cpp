#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <prefork/service.hpp>
#include <string>
#include <thread>

namespace {

/// The result of a system call: "ok" or the error's name.
std::string outcome(long result) { return result >= 0 ? "ok" : ::strerrorname_np(errno); }

std::string opened(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  const std::string text = outcome(fd);
  if (fd >= 0) ::close(fd);
  return text;
}

std::string forked() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  const std::string text = outcome(child);
  if (child > 0) ::waitpid(child, nullptr, 0);
  return text;
}

std::string threaded() {
  std::string text = "did not run";
  std::thread([&] { text = "ok"; }).join();
  return text;
}

std::string working_directory() {
  char path[4096];
  return ::getcwd(path, sizeof path) != nullptr ? path : outcome(-1);
}

/// Does what its client says, a word and an argument a line, and answers with what came of it: how much a worker may
/// do.
class Confined final : public prefork::Service {
  prefork::Task<void> on_connection(prefork::Connection& peer) override {
    while (auto line = co_await peer.read_line()) {
      const std::string text(*line);
      const auto blank = text.find(' ');
      const std::string answer =
          perform(text.substr(0, blank), blank == std::string::npos ? "" : text.substr(blank + 1));
      const std::string reply = answer + "\n";
      if (!co_await peer.write(reply)) co_return;
    }
  }

  static std::string perform(const std::string& word, const std::string& argument) {
    if (word == "read") return opened(argument, O_RDONLY);
    if (word == "write") return opened(argument, O_WRONLY);
    if (word == "create") return opened(argument, O_WRONLY | O_CREAT | O_EXCL);
    if (word == "remove") return outcome(::unlink(argument.c_str()));
    if (word == "execve") return outcome(::execl("/no/such", "such", nullptr));
    if (word == "fork") return forked();
    if (word == "thread") return threaded();
    if (word == "cwd") return working_directory();
    if (word == "mount") return outcome(::mount("none", "/", nullptr, MS_PRIVATE, nullptr));
    if (word == "ptrace") return outcome(::ptrace(PTRACE_SEIZE, ::getppid(), nullptr, nullptr));
    if (word == "unshare") return outcome(::unshare(0));
    if (word == "keyctl") return outcome(::syscall(SYS_keyctl, -1));
    if (word == "getenv") return std::getenv(argument.c_str()) == nullptr ? "unset" : std::getenv(argument.c_str());
    if (word == "abort") ::abort();
    return "what is " + word + "?";
  }
};

}  // namespace

PREFORK_SERVICE(Confined)
