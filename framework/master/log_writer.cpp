#include "framework/master/log_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

#include "ipc/syscall.hpp"

namespace prefork::master {
namespace {

void say(const std::string& sentence) noexcept {
  const std::string line = "prefork: " + sentence + "\n";
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
}

/// The file, with what is to be known of it.
class Output {
 public:
  explicit Output(const std::string& path) : path_(path) { reopen(); }

  void reopen() noexcept {
    try {
      file_ = open_access_log(path_);
      is_open_ = true;
      torn_ = false;
    } catch (const std::system_error& error) {
      say("access log: " + std::string(error.what()) + (is_open_ ? "; it goes on in the old file" : ""));
    }
  }

  void write(std::string_view bytes) noexcept {
    const int fd = file_.is_open() ? file_.get() : STDERR_FILENO;
    if (torn_ && !bytes.empty() && put(fd, "\n") == 1) torn_ = false;
    const std::size_t written = is_open_ ? put(fd, bytes) : 0;
    if (written < bytes.size()) return lose(bytes.substr(written), written > 0);
    if (lost_ == 0) return;
    say("access log " + path_ + " is written again; " + std::to_string(lost_) + " lines were lost");
    lost_ = 0;
  }

 private:
  /// @return how many bytes could be written
  static std::size_t put(int fd, std::string_view bytes) noexcept {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t n = ipc::retry_eintr([&] { return ::write(fd, bytes.data() + done, bytes.size() - done); });
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  void lose(std::string_view bytes, bool torn) noexcept {
    if (lost_ == 0) {
      say("access log " + path_ + " can't be written: " + std::string(std::strerror(errno)) + "; lines are dropped");
    }
    torn_ = torn_ || torn;
    lost_ += static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  }

  const std::string& path_;
  ipc::UniqueFd file_;
  bool is_open_ = false;
  bool torn_ = false;  // the file ends within a line
  std::uint64_t lost_ = 0;
};

ipc::UniqueFd take_signals() {
  for (int signal = 1; signal < SIGRTMIN; ++signal) ::signal(signal, SIG_DFL);
  for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGPIPE})
    ::signal(signal, SIG_IGN);  // they are the master's
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  ::sigprocmask(SIG_SETMASK, &set, nullptr);
  return ipc::UniqueFd(ipc::check_syscall(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
}

void copy(int pipe, const std::string& path) {
  const ipc::UniqueFd signals = take_signals();
  Output output(path);
  std::vector<char> chunk(256 * 1024);
  for (;;) {
    std::array<pollfd, 2> ready{pollfd{pipe, POLLIN, 0}, pollfd{signals.get(), POLLIN, 0}};
    if (::poll(ready.data(), ready.size(), -1) == -1 && errno != EINTR) ipc::throw_errno("poll");
    signalfd_siginfo info{};
    if (::read(signals.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) output.reopen();
    if ((ready[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    const ssize_t n = ipc::retry_eintr([&] { return ::read(pipe, chunk.data(), chunk.size()); });
    if (n <= 0) return;
    output.write({chunk.data(), static_cast<std::size_t>(n)});
  }
}

}  // namespace

ipc::UniqueFd open_access_log(const std::string& path) {
  if (path == "stderr") return {};
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
  if (fd == -1) ipc::throw_errno("open " + path);
  return ipc::UniqueFd(fd);
}

void run_log_writer(int pipe, const std::string& path) noexcept {
  try {
    std::array<int, 4> keep{0, 1, 2, pipe};
    std::sort(keep.begin(), keep.end());
    ipc::close_all_except(keep.data(), keep.size());
    ::prctl(PR_SET_NAME, "access log");
    ::prctl(PR_SET_PDEATHSIG, SIGCONT);  // one that is stopped would not see the end of its pipe
    copy(pipe, path);
    ::_exit(0);
  } catch (const std::exception& error) {
    say(std::string("access log writer: ") + error.what());
  } catch (...) {
  }
  ::_exit(1);
}

}  // namespace prefork::master
