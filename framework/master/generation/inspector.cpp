#include "framework/master/generation/inspector.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <system_error>

#include "framework/master/loop/startup_error.hpp"
#include "ipc/memory/patience.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::master {

namespace {

constexpr int kRefused = 1;

// The first byte of what the child sends: report or reason.
constexpr char kReport = 'R';
constexpr char kReason = 'E';

struct Heard {
  std::string bytes;
  bool in_time = true;
  bool too_long = false;
  const char* failed = nullptr;  ///< the failed call
  int error = 0;
};

Heard listen(int fd, std::size_t max_bytes, ipc::Patience& patience) {
  Heard heard;
  std::array<char, 65536> chunk;
  for (;;) {
    pollfd readable{fd, POLLIN, 0};
    const int n = ::poll(&readable, 1, patience.slice());
    if ((n == -1 && errno == EINTR) || (n == 0 && !patience.is_over())) continue;
    if (n == -1) return {{}, false, false, "poll", errno};
    if (n == 0) {
      heard.in_time = false;
      return heard;
    }
    const ssize_t got = ipc::retry_eintr([&] { return ::read(fd, chunk.data(), chunk.size()); });
    if (got == -1) return {{}, false, false, "read", errno};
    if (got == 0) return heard;
    heard.bytes.append(chunk.data(), static_cast<std::size_t>(got));
    if (heard.bytes.size() > max_bytes) {
      heard.too_long = true;
      return heard;
    }
  }
}

// When the pipe has ended the child may still run (a plugin's thread, a closed descriptor), but not for long.
bool reap(pid_t child, ipc::Patience& patience, bool kill_now, int& status) {
  if (kill_now) ::kill(child, SIGKILL);
  for (;;) {
    const pid_t reaped = ::waitpid(child, &status, kill_now ? 0 : WNOHANG);
    if (reaped == child) return !kill_now;
    if (reaped == -1 && errno != EINTR) return false;
    if (!kill_now && patience.is_over()) {
      kill_now = true;
      ::kill(child, SIGKILL);
      continue;
    }
    if (!kill_now) ::poll(nullptr, 0, 1);
  }
}

}  // namespace

void be_inspector(const Inspector::Child& child, int keep_fd, const Inspector::Work& work) noexcept {
  int code = kRefused;
  std::string message;
  try {
    std::array<int, 5> keep{0, 1, 2, child.out, keep_fd};
    std::sort(keep.begin(), keep.end());
    ipc::close_all_except(keep.data(), keep.size());
    ::prctl(PR_SET_NAME, "inspector");
    for (int signal = 1; signal < SIGRTMIN; ++signal) ::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (child.run_as) {
      const rlimit no_core{0, 0};
      ::setrlimit(RLIMIT_CORE, &no_core);
      ipc::assume_identity(*child.run_as);
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != child.master) ::_exit(kRefused);  // the master was gone before
    message = kReport + work();
    code = 0;
  } catch (const std::exception& error) {
    message = kReason + std::string(error.what());
  } catch (...) {
    message = kReason + std::string("an exception that is not a std::exception");
  }
  try {
    ipc::write_all(child.out, message, "inspector's pipe");
  } catch (...) {
    code = kRefused;
  }
  ::_exit(code);
}

std::string Inspector::run(const std::string& subject, int keep_fd, const Work& work) const {
  return run(subject, [&](const Child& child) {
    const pid_t pid = ::fork();
    if (pid == -1) throw StartupError(EX_OSERR, std::string("fork inspector: ") + std::strerror(errno));
    if (pid == 0) be_inspector(child, keep_fd, work);
    return pid;
  });
}

std::string Inspector::run(const std::string& subject, const Start& start) const {
  try {
    return try_once(subject, start);
  } catch (const std::system_error& error) {
    if (error.code().value() != EPIPE) throw;  // nothing is read from a process that may have been started
    return try_once(subject, start);
  }
}

std::string Inspector::try_once(const std::string& subject, const Start& start) const {
  int ends[2];
  ipc::check_syscall(::pipe2(ends, O_CLOEXEC), "pipe2");
  ipc::UniqueFd read_end(ends[0]), write_end(ends[1]);
  ipc::Patience patience(limits_.patience);
  const pid_t child = start({write_end.get(), ::getpid(), limits_.run_as});
  write_end.reset();
  const Heard heard = listen(read_end.get(), limits_.max_bytes, patience);
  int status = 0;
  const bool ended = reap(child, patience, !heard.in_time || heard.too_long, status);
  const auto refuse = [&](const std::string& reason) -> StartupError { return {EX_CONFIG, subject + " " + reason}; };
  if (heard.failed != nullptr) {
    throw StartupError(EX_OSERR, std::string(heard.failed) + " inspector: " + std::strerror(heard.error));
  }
  if (heard.too_long) throw refuse("tells more than " + std::to_string(limits_.max_bytes) + " bytes of itself");
  if (!heard.in_time || !ended) {
    throw refuse("hangs while it is inspected: it was killed after " + std::to_string(limits_.patience.count()) +
                 " ms");
  }
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    const char* name = ::sigabbrev_np(signal);  // null for real-time signals
    throw refuse("crashes while it is inspected: " +
                 (name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(signal)));
  }
  if (heard.bytes.empty()) {
    throw refuse("ends the process while it is inspected, with exit code " + std::to_string(WEXITSTATUS(status)));
  }
  if (heard.bytes.front() == kReason) throw StartupError(EX_CONFIG, heard.bytes.substr(1));
  return heard.bytes.substr(1);
}

}  // namespace prefork::master
