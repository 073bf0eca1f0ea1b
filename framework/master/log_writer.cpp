#include "framework/master/log_writer.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

#include "framework/master/clock.hpp"
#include "framework/master/log_file.hpp"
#include "ipc/pipe.hpp"
#include "ipc/syscall.hpp"

namespace prefork::master {
namespace {

constexpr std::chrono::seconds kReportEvery{1};

/// The file, and what the master is to be told of it.
class Output {
 public:
  Output(const std::string& path, int reports) : file_(path, LogFile::Patience::waits), reports_(reports) { reopen(); }

  void reopen() noexcept {
    try {
      if (!file_.open()) ++report_.lost;
    } catch (const std::system_error& error) {
      (file_.is_open() ? report_.reopen_error : report_.error) = error.code().value();
      tell();
    }
  }

  void write(std::string_view lines) noexcept {
    const std::size_t written = file_.append(lines);
    const int before = report_.error;
    report_.error = written < lines.size() ? file_.error() : 0;
    report_.lost +=
        static_cast<std::uint64_t>(std::count(lines.begin() + static_cast<long>(written), lines.end(), '\n'));
    if ((report_.error == 0) != (before == 0)) tell();
    tell_in_time();
  }

  /// To be called when due_ms() is over.
  void tell_in_time() noexcept {
    if (report_.lost > 0 && std::chrono::steady_clock::now() >= told_ + kReportEvery) tell();
  }
  /// How long until there is something to report, for poll(2).
  int due_ms() const noexcept {
    if (report_.lost == 0) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(told_ + kReportEvery - std::chrono::steady_clock::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
  }

  /// The last report.
  void finish() noexcept {
    if (!file_.complete()) ++report_.lost;
    if (report_.lost > 0) tell();
  }

 private:
  // A report that the master does not take now goes with the next one.
  void tell() noexcept {
    told_ = std::chrono::steady_clock::now();
    const auto packet = encode(report_);
    if (ipc::send_packet(reports_, packet) == ipc::SendResult::sent) report_ = {0, report_.error, 0};
  }

  LogFile file_;
  int reports_;
  LogWriterReport report_;
  std::chrono::steady_clock::time_point told_{};
};

ipc::UniqueFd take_signals() {
  for (int signal = 1; signal < SIGRTMIN; ++signal) ::signal(signal, SIG_DFL);
  // They are the master's, or are told by errno.
  for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  ::sigprocmask(SIG_SETMASK, &set, nullptr);
  return ipc::UniqueFd(ipc::check_syscall(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
}

void copy(int pipe, int reports, const std::string& path) {
  const ipc::UniqueFd signals = take_signals();
  Output output(path, reports);
  std::vector<char> chunk(256 * 1024);
  for (;;) {
    std::array<pollfd, 2> ready{pollfd{pipe, POLLIN, 0}, pollfd{signals.get(), POLLIN, 0}};
    const int events = ::poll(ready.data(), ready.size(), output.due_ms());
    if (events == -1 && errno != EINTR) ipc::throw_errno("poll");
    output.tell_in_time();
    if (events <= 0) continue;
    signalfd_siginfo info{};
    if (::read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) output.reopen();
    if ((ready[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    const ssize_t n = ipc::retry_eintr([&] { return ::read(pipe, chunk.data(), chunk.size()); });
    if (n <= 0) return output.finish();
    output.write({chunk.data(), static_cast<std::size_t>(n)});
  }
}

}  // namespace

std::array<std::byte, kLogWriterReportBytes> encode(const LogWriterReport& report) noexcept {
  std::array<std::byte, kLogWriterReportBytes> packet;
  std::memcpy(packet.data(), &report.lost, 8);
  std::memcpy(packet.data() + 8, &report.error, 4);
  std::memcpy(packet.data() + 12, &report.reopen_error, 4);
  return packet;
}

std::optional<LogWriterReport> decode_log_writer_report(std::span<const std::byte> packet) noexcept {
  if (packet.size() != kLogWriterReportBytes) return std::nullopt;
  LogWriterReport report;
  std::memcpy(&report.lost, packet.data(), 8);
  std::memcpy(&report.error, packet.data() + 8, 4);
  std::memcpy(&report.reopen_error, packet.data() + 12, 4);
  return report;
}

void run_log_writer(int pipe, int reports, const std::string& path) noexcept {
  try {
    std::array<int, 5> keep{0, 1, 2, pipe, reports};
    std::sort(keep.begin(), keep.end());
    ipc::close_all_except(keep.data(), keep.size());
    ::prctl(PR_SET_NAME, "access log");
    ::prctl(PR_SET_PDEATHSIG, SIGCONT);  // one that is stopped would not see the end of its pipe
    copy(pipe, reports, path);
    ::_exit(0);
  } catch (...) {
    ::_exit(1);  // a poll or signalfd that the system refuses: the master tells of the end, and starts another one
  }
}

}  // namespace prefork::master
