#include "framework/master/log/log_writer.hpp"

#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "framework/master/log/log_file.hpp"
#include "framework/master/loop/clock.hpp"
#include "ipc/posix/pipe.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::master {
namespace {

constexpr std::chrono::seconds kReportEvery{1};

// A stopped writer would not see the end of its pipe.
void watch_master() noexcept { ::prctl(PR_SET_PDEATHSIG, SIGCONT); }

// A user id that is in no database: workers often run as nobody, and could send signals to other processes of nobody.
constexpr uid_t kOwnId = 65533;

// If the system refuses (a user namespace that lacks the id), the process keeps root's id but loses root's
// capabilities.
void drop_rights() noexcept {
  if (::geteuid() == 0 && ::setgroups(0, nullptr) == 0 && ::setresgid(kOwnId, kOwnId, kOwnId) == 0) {
    [[maybe_unused]] const int refused = ::setresuid(kOwnId, kOwnId, kOwnId);
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> none{};
  ::syscall(SYS_capset, &header, none.data());
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  watch_master();  // a change of user resets it
}

/// The file, and what must be reported about it to the master.
class Output {
 public:
  Output(const std::string& path, int reports) : file_(path, LogFile::Patience::waits), reports_(reports) {
    try {
      file_.open();
    } catch (const std::system_error& error) {
      report_.error = error.code().value();
      tell();
    }
    drop_rights_if_open();
  }

  void write(std::string_view lines) noexcept {
    const std::size_t written = file_.append(lines);
    drop_rights_if_open();
    const int before = report_.error;
    report_.error = written < lines.size() ? file_.error() : 0;
    report_.lost +=
        static_cast<std::uint64_t>(std::count(lines.begin() + static_cast<long>(written), lines.end(), '\n'));
    // Also the first time: the previous writer may have failed.
    if ((report_.error == 0) != (before == 0) || !std::exchange(has_written_, true)) tell();
    tell_in_time();
  }

  /// Must be called once due_ms() has passed.
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

  /// Sends the last report.
  void finish() noexcept {
    if (!file_.complete()) ++report_.lost;
    if (report_.lost > 0) tell();
  }

 private:
  // Until the file is open, each line tries to open it.
  void drop_rights_if_open() noexcept {
    if (dropped_ || !file_.is_open()) return;
    dropped_ = true;
    drop_rights();
  }

  // A report that the master does not take now is sent with the next one.
  void tell() noexcept {
    told_ = std::chrono::steady_clock::now();
    const auto packet = encode(report_);
    if (ipc::send_packet(reports_, packet) == ipc::SendResult::sent) report_ = {0, report_.error};
  }

  LogFile file_;
  int reports_;
  LogWriterReport report_;
  std::chrono::steady_clock::time_point told_{};
  bool dropped_ = false;
  bool has_written_ = false;
};

ipc::UniqueFd take_signals() {
  for (int signal = 1; signal < SIGRTMIN; ++signal) ::signal(signal, SIG_DFL);
  // These signals are meant for the master, or errno reports them.
  for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  ::sigprocmask(SIG_SETMASK, &set, nullptr);
  return ipc::UniqueFd(ipc::check_syscall(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
}

/// @return the exit code
int copy(int pipe, int reports, const std::string& path) {
  const ipc::UniqueFd signals = take_signals();
  Output output(path, reports);
  std::vector<char> chunk(256 * 1024);
  for (;;) {
    std::array<pollfd, 2> ready{pollfd{pipe, POLLIN, 0}, pollfd{signals.get(), POLLIN, 0}};
    const int events = ::poll(ready.data(), ready.size(), output.due_ms());
    if (events == -1 && errno != EINTR) ipc::throw_errno("poll");
    output.tell_in_time();
    if (events <= 0) continue;
    // The next writer reopens the file, with the rights that are gone here. What is in the pipe waits for it.
    signalfd_siginfo info{};
    if (::read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      output.finish();
      return kExitReopen;
    }
    if ((ready[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    const ssize_t n = ipc::retry_eintr([&] { return ::read(pipe, chunk.data(), chunk.size()); });
    if (n <= 0) {
      output.finish();
      return 0;
    }
    output.write({chunk.data(), static_cast<std::size_t>(n)});
  }
}

}  // namespace

std::array<std::byte, kLogWriterReportBytes> encode(const LogWriterReport& report) noexcept {
  std::array<std::byte, kLogWriterReportBytes> packet;
  std::memcpy(packet.data(), &report.lost, 8);
  std::memcpy(packet.data() + 8, &report.error, 4);
  return packet;
}

std::optional<LogWriterReport> decode_log_writer_report(std::span<const std::byte> packet) noexcept {
  if (packet.size() != kLogWriterReportBytes) return std::nullopt;
  LogWriterReport report;
  std::memcpy(&report.lost, packet.data(), 8);
  std::memcpy(&report.error, packet.data() + 8, 4);
  return report;
}

void run_log_writer(int pipe, int reports, const std::string& path) noexcept {
  try {
    std::array<int, 5> keep{0, 1, 2, pipe, reports};
    std::sort(keep.begin(), keep.end());
    ipc::close_all_except(keep.data(), keep.size());
    ::prctl(PR_SET_NAME, "access log");
    watch_master();
    ::_exit(copy(pipe, reports, path));
  } catch (...) {
    ::_exit(1);  // the system refuses a poll or signalfd: the master logs the end and starts another writer
  }
}

}  // namespace prefork::master
