#include "framework/cli/daemon.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string_view>
#include <utility>

#include "framework/base/visible.hpp"
#include "framework/master/log/journal.hpp"
#include "ipc/memory/patience.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::cli {

namespace {

// What the starting process reads: the daemon's pid, then one of these; a failure's exit code and sentence follow.
constexpr char kReady = 'R';
constexpr char kFailure = 'F';
constexpr std::size_t kMaxMessage = 4096;  // PIPE_BUF: written at once

constexpr std::chrono::seconds kStopPatience{60};

/// @return 1 and what has come, 0 at the end, -1 after the time-out
ssize_t read_within(ipc::Patience& patience, int pipe, char* bytes, std::size_t room) {
  for (;;) {
    pollfd readable{pipe, POLLIN, 0};
    if (::poll(&readable, 1, patience.slice()) <= 0) {
      if (patience.is_over()) return -1;
      continue;
    }
    return ipc::retry_eintr([&] { return ::read(pipe, bytes, room); });
  }
}

// Each of several sentences gets a line.
void tell_each(std::string_view sentences, const char* priority) {
  for (std::size_t from = 0; from < sentences.size();) {
    const std::size_t end = std::min(sentences.find('\n', from), sentences.size());
    const std::string sentence(sentences.substr(from, end - from));
    std::fprintf(stderr, "%sprefork-master: %s\n", priority, base::visible(sentence).c_str());
    from = end + 1;
  }
}

[[noreturn]] void leave(const std::string& sentence, int exit_code) {
  tell_each(sentence, "");
  std::fflush(nullptr);
  ::_exit(exit_code);
}

[[noreturn]] void stop_late_one(pid_t daemon, int pipe, std::chrono::milliseconds patience) {
  ::kill(daemon, SIGTERM);
  std::array<char, kMaxMessage> rest;
  ipc::Patience stop(kStopPatience);
  while (read_within(stop, pipe, rest.data(), rest.size()) > 0) continue;
  leave("not ready within " + std::to_string(patience.count() / 1000) + " s, and was stopped: its log says why",
        EX_SOFTWARE);
}

// The starting process from here on. What it has of the server belongs to the daemon, so it exits without unwinding.
[[noreturn]] void wait_for_daemon(pid_t middle, int pipe, std::chrono::milliseconds patience) {
  ipc::retry_eintr([&] { return ::waitpid(middle, nullptr, 0); });
  pid_t daemon = 0;
  ipc::Patience fork(kStopPatience);
  if (read_within(fork, pipe, reinterpret_cast<char*>(&daemon), sizeof daemon) != sizeof daemon) {
    leave("the daemon could not be forked", EX_OSERR);
  }
  ipc::Patience start(patience);
  std::array<char, kMaxMessage> message;
  const ssize_t n = read_within(start, pipe, message.data(), message.size());
  if (n == -1) stop_late_one(daemon, pipe, patience);
  if (n >= 1 && message[0] == kReady) ::_exit(0);
  if (n >= 2 && message[0] == kFailure) {
    leave(std::string(message.data() + 2, static_cast<std::size_t>(n) - 2), static_cast<unsigned char>(message[1]));
  }
  leave("the daemon died before it was ready", EX_SOFTWARE);
}

void detach() {
  for (int signal = 1; signal < SIGRTMIN; ++signal) ::signal(signal, SIG_DFL);  // nohup ignores SIGHUP
  const ipc::UniqueFd null(ipc::check_syscall(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
  for (int fd = 0; fd <= 2; ++fd) ipc::check_syscall(::dup2(null.get(), fd), "dup2 /dev/null");
}

}  // namespace

void Daemon::note_inherited(const std::vector<int>& given) {
  inherited_ = ipc::open_descriptors();
  std::erase_if(inherited_, [&](int fd) {
    return fd <= STDERR_FILENO || std::find(given.begin(), given.end(), fd) != given.end();
  });
}

void Daemon::begin(std::chrono::milliseconds patience) {
  for (const int fd : std::exchange(inherited_, {})) ::close(fd);
  int ends[2];
  ipc::check_syscall(::pipe2(ends, O_CLOEXEC), "pipe2");
  ipc::UniqueFd read_end(ends[0]);
  starter_.reset(ends[1]);
  const pid_t middle = ipc::check_syscall(::fork(), "fork");
  if (middle > 0) {
    starter_.reset();
    wait_for_daemon(middle, read_end.get(), patience);
  }
  ::setsid();
  if (::fork() != 0) ::_exit(0);  // the daemon leads no session: no terminal becomes its controlling terminal
  read_end.reset();
  begun_ = true;
  const pid_t own = ::getpid();
  ipc::write_all(starter_.get(), {reinterpret_cast<const char*>(&own), sizeof own}, "pipe to the starter");
  detach();
}

void Daemon::ready() noexcept { tell(std::string(1, kReady)); }

void Daemon::fail(const std::string& sentence, int exit_code) noexcept {
  if (!starter_.is_open()) {
    tell_each(sentence, master::stderr_is_journal() ? "<3>" : "");
  } else {
    tell(std::string{kFailure, static_cast<char>(exit_code)} + sentence.substr(0, kMaxMessage - 2));
  }
}

// If the starting process was killed meanwhile, nobody needs the message.
void Daemon::tell(const std::string& message) noexcept {
  if (!starter_.is_open()) return;
  ::signal(SIGPIPE, SIG_IGN);
  try {
    ipc::write_all(starter_.get(), message, "pipe to the starter");
  } catch (const std::exception&) {
  }
  starter_.reset();
}

}  // namespace prefork::cli
