#include "framework/master/log_writers.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "framework/master/log_writer.hpp"
#include "ipc/syscall.hpp"

namespace prefork::master {
namespace {

constexpr int kPipeBytes = 1024 * 1024;
constexpr std::chrono::milliseconds kPause{200};

}  // namespace

int LogWriters::pipe_for(const std::string& path) {
  for (const Writer& writer : writers_) {
    if (writer.path == path && !writer.leaving) return writer.write_end.get();
  }
  static_cast<void>(open_access_log(path));
  int ends[2];
  ipc::check_syscall(::pipe2(ends, O_CLOEXEC), "pipe2");
  Writer writer;
  writer.path = path;
  writer.read_end.reset(ends[0]);
  writer.write_end.reset(ends[1]);
  ipc::check_syscall(::fcntl(ends[1], F_SETFL, O_NONBLOCK), "fcntl O_NONBLOCK");
  ::fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);  // the default is enough for who may not have more
  writers_.push_back(std::move(writer));
  return ends[1];
}

void LogWriters::keep_only(const std::set<std::string>& paths) {
  for (Writer& writer : writers_) {
    if (paths.contains(writer.path)) continue;
    writer.leaving = true;
    writer.write_end.reset();
  }
}

void LogWriters::start(Writer& writer) {
  const pid_t pid = ::fork();
  if (pid == 0) run_log_writer(writer.read_end.get(), writer.path);
  if (pid == -1) {
    log_.error(std::string("fork of the log writer: ") + std::generic_category().message(errno));
    return;
  }
  writer.pid = pid;
  writer.pidfd = ipc::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

void LogWriters::tend(TimePoint now) {
  for (Writer& writer : writers_) {
    if (writer.pid != -1 || finishing_ || now < writer.not_before) continue;
    writer.not_before = now + kPause;
    start(writer);
  }
}

std::optional<TimePoint> LogWriters::next_deadline() const {
  for (const Writer& writer : writers_) {
    if (writer.pid == -1 && !finishing_) return writer.not_before;
  }
  return std::nullopt;
}

bool LogWriters::buried(pid_t pid, int wait_status, TimePoint now) {
  for (Writer& writer : writers_) {
    if (writer.pid != pid) continue;
    writer.pid = -1;
    writer.pidfd.reset();
    if (writer.leaving && wait_status == 0) {
      writers_.erase(writers_.begin() + (&writer - writers_.data()));
      return true;
    }
    if (!finishing_) {
      const std::string how = WIFSIGNALED(wait_status)
                                  ? std::string("killed by SIG") + sigabbrev_np(WTERMSIG(wait_status))
                                  : "exit code " + std::to_string(WEXITSTATUS(wait_status));
      log_.error("the writer of " + writer.path + " (pid " + std::to_string(pid) + ") has ended: " + how +
                 "; another one is started");
      if (writer.not_before < now) writer.not_before = now;
    }
    return true;
  }
  return false;
}

void LogWriters::reopen() noexcept {
  for (const Writer& writer : writers_) {
    const bool sent =
        writer.pidfd.is_open() && ::syscall(SYS_pidfd_send_signal, writer.pidfd.get(), SIGUSR1, nullptr, 0) == 0;
    if (!sent && writer.pid != -1) ::kill(writer.pid, SIGUSR1);
  }
}

// Without a pidfd (descriptors were short) it is asked for again and again.
bool LogWriters::ends_by(Writer& writer, TimePoint end) noexcept {
  if (writer.pidfd.is_open()) {
    pollfd ended{writer.pidfd.get(), POLLIN, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    const int wait_ms = left.count() > 0 ? static_cast<int>(left.count()) : 0;
    return ipc::retry_eintr([&] { return ::poll(&ended, 1, wait_ms); }) == 1;
  }
  for (siginfo_t info{}; Clock::now() < end; ::poll(nullptr, 0, 1)) {
    if (::waitid(P_PID, static_cast<id_t>(writer.pid), &info, WEXITED | WNOHANG | WNOWAIT) == -1) return false;
    if (info.si_pid == writer.pid) return true;
  }
  return false;
}

void LogWriters::finish(std::chrono::milliseconds limit) noexcept {
  finishing_ = true;
  const TimePoint end = Clock::now() + limit;
  for (Writer& writer : writers_) {
    writer.write_end.reset();
    writer.read_end.reset();
  }
  for (Writer& writer : writers_) {
    if (writer.pid == -1) continue;
    if (!ends_by(writer, end)) {
      log_.error("the writer of " + writer.path + " does not come to an end and is killed");
      ::kill(writer.pid, SIGKILL);
    }
    ipc::retry_eintr([&] { return ::waitpid(writer.pid, nullptr, 0); });
    writer.pid = -1;
  }
}

}  // namespace prefork::master
