#include "framework/master/log/log_writers.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "framework/master/log/log_file.hpp"
#include "ipc/posix/pidfd.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::master {
namespace {

constexpr int kPipeBytes = 1024 * 1024;
constexpr std::chrono::milliseconds kPause{200};
constexpr int kPacketsPerTurn = 16;

}  // namespace

void LogWriters::check(const std::string& path) const {
  for (const auto& writer : writers_) {
    if (writer->path == path && !writer->leaving) return;
  }
  LogFile(path, LogFile::Patience::none).open();
}

int LogWriters::pipe_for(const std::string& path) {
  for (const auto& writer : writers_) {
    if (writer->path == path && !writer->leaving) return writer->write_end.get();
  }
  int ends[2];
  ipc::check_syscall(::pipe2(ends, O_CLOEXEC), "pipe2");
  auto writer = std::make_unique<Writer>();
  writer->path = path;
  writer->read_end.reset(ends[0]);
  writer->write_end.reset(ends[1]);
  ipc::check_syscall(::fcntl(ends[1], F_SETFL, O_NONBLOCK), "fcntl O_NONBLOCK");
  ::fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);  // the default suffices if we may not have more
  writer->reports = ipc::PacketPipe::create();
  watch(*writer);
  writers_.push_back(std::move(writer));
  return ends[1];
}

// O_NONBLOCK is a flag of the open file, which workers share and may clear: this opens the pipe for itself.
void LogWriters::append(const std::string& path, std::string_view line) {
  for (const auto& writer : writers_) {
    if (writer->path != path || writer->leaving) continue;
    const std::string name = "/proc/self/fd/" + std::to_string(writer->write_end.get());
    const ipc::UniqueFd own(::open(name.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    const bool written =
        own.is_open() && ::write(own.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
    if (!written) ++lost_[path];
    return;
  }
}

std::vector<HandedWriter> LogWriters::hand_over() const {
  std::vector<HandedWriter> handed;
  for (const auto& writer : writers_) {
    handed.push_back({writer->path, writer->read_end.get(), writer->write_end.get(), writer->reports.read_end.get(),
                      writer->reports.write_end.get(), writer->pid, writer->error, writer->lost_now});
  }
  return handed;
}

void LogWriters::adopt(const HandedWriter& handed) {
  auto writer = std::make_unique<Writer>();
  writer->path = handed.path;
  writer->read_end.reset(handed.read_end);
  writer->write_end.reset(handed.write_end);
  writer->reports = {ipc::UniqueFd(handed.reports), ipc::UniqueFd(handed.reporter)};
  writer->leaving = handed.write_end == -1;
  writer->pid = handed.pid;
  writer->error = handed.error;
  writer->lost_now = handed.lost;
  if (handed.pid > 0) writer->pidfd = ipc::open_pidfd(handed.pid);
  watch(*writer);
  writers_.push_back(std::move(writer));
}

void LogWriters::watch(Writer& writer) {
  reactor_.watch(writer.reports.read_end.get(), EPOLLIN, [this, &writer](std::uint32_t) { hear(writer); });
}

void LogWriters::keep_only(const std::set<std::string>& paths) {
  for (const auto& writer : writers_) {
    if (paths.contains(writer->path)) continue;
    writer->leaving = true;
    writer->write_end.reset();
  }
}

void LogWriters::start(Writer& writer) {
  const pid_t pid = ::fork();
  if (pid == 0) run_log_writer(writer.read_end.get(), writer.reports.write_end.get(), writer.path);
  if (pid == -1) {
    log_.error(std::string("fork of the log writer: ") + std::generic_category().message(errno));
    return;
  }
  writer.pid = pid;
  writer.pidfd = ipc::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

void LogWriters::tend(TimePoint now) {
  for (const auto& writer : writers_) {
    if (writer->pid != -1 || finishing_ || now < writer->not_before) continue;
    writer->not_before = now + kPause;
    start(*writer);
  }
}

std::optional<TimePoint> LogWriters::next_deadline() const {
  for (const auto& writer : writers_) {
    if (writer->pid == -1 && !finishing_) return writer->not_before;
  }
  return std::nullopt;
}

void LogWriters::hear(Writer& writer) {
  std::array<std::byte, ipc::kMaxPacketBytes> buffer;
  for (int packets = kPacketsPerTurn; packets > 0; --packets) {
    const auto [status, packet] = ipc::receive_packet(writer.reports.read_end.get(), buffer);
    if (status != ipc::ReceiveStatus::packet) return;
    if (const auto report = decode_log_writer_report(packet)) take(writer, *report);
  }
}

void LogWriters::take(Writer& writer, const LogWriterReport& report) {
  lost_[writer.path] += report.lost;
  writer.lost_now += report.lost;
  if (report.error != 0 && writer.error == 0) {
    log_.error("access log " + writer.path + " can't be written: " + std::generic_category().message(report.error) +
               "; lines are dropped");
  } else if (report.error == 0 && writer.error != 0) {
    log_.warning("access log " + writer.path + " is written again; " + std::to_string(writer.lost_now) +
                 " lines were lost");
    writer.lost_now = 0;
  }
  writer.error = report.error;
}

std::vector<AccessLogStatus> LogWriters::report() const {
  std::vector<AccessLogStatus> all;
  for (const auto& writer : writers_) {
    if (writer->leaving) continue;
    const auto lost = lost_.find(writer->path);
    all.push_back({writer->path, lost == lost_.end() ? 0 : lost->second});
  }
  return all;
}

bool LogWriters::buried(pid_t pid, int wait_status, TimePoint now) {
  for (auto place = writers_.begin(); place != writers_.end(); ++place) {
    Writer& writer = **place;
    if (writer.pid != pid) continue;
    writer.pid = -1;
    writer.pidfd.reset();
    hear(writer);
    if (writer.leaving && wait_status == 0) {
      reactor_.forget(writer.reports.read_end.get());
      writers_.erase(place);
      return true;
    }
    const bool reopens = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == kExitReopen;
    if (reopens) writer.not_before = now;
    if (!finishing_ && !reopens) {
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

// Each writer makes room for another, which reopens the file. If the new one can't, the old one goes on.
void LogWriters::reopen() noexcept {
  for (const auto& writer : writers_) {
    if (writer->path == "stderr") continue;
    try {
      LogFile(writer->path, LogFile::Patience::none).open();
    } catch (const std::system_error& error) {
      log_.error("access log " + writer->path + " continues in the old file: open: " + error.code().message());
      continue;
    }
    const bool sent =
        writer->pidfd.is_open() && ::syscall(SYS_pidfd_send_signal, writer->pidfd.get(), SIGUSR1, nullptr, 0) == 0;
    if (!sent && writer->pid != -1) ::kill(writer->pid, SIGUSR1);
  }
}

// Without a pidfd (no descriptors left) it asks again and again.
bool LogWriters::ends_within(Writer& writer, ipc::Patience& patience) noexcept {
  if (writer.pidfd.is_open()) {
    pollfd ended{writer.pidfd.get(), POLLIN, 0};
    do {
      if (::poll(&ended, 1, patience.slice()) == 1) return true;
    } while (!patience.is_over());
    return false;
  }
  for (siginfo_t info{}; !patience.is_over(); ::poll(nullptr, 0, 1)) {
    if (::waitid(P_PID, static_cast<id_t>(writer.pid), &info, WEXITED | WNOHANG | WNOWAIT) == -1) return false;
    if (info.si_pid == writer.pid) return true;
  }
  return false;
}

void LogWriters::finish(std::chrono::milliseconds limit) noexcept {
  finishing_ = true;
  ipc::Patience patience(limit);
  for (const auto& writer : writers_) {
    writer->write_end.reset();
    writer->read_end.reset();
  }
  for (const auto& writer : writers_) {
    if (writer->pid == -1) continue;
    if (!ends_within(*writer, patience)) {
      log_.error("the writer of " + writer->path + " does not end and is killed");
      ::kill(writer->pid, SIGKILL);
    }
    ipc::retry_eintr([&] { return ::waitpid(writer->pid, nullptr, 0); });
    writer->pid = -1;
    hear(*writer);
    if (writer->lost_now > 0) {
      log_.error("access log " + writer->path + ": " + std::to_string(writer->lost_now) + " lines were lost");
    }
  }
}

}  // namespace prefork::master
