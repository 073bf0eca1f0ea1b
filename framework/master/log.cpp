#include "framework/master/log.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>

#include "ipc/syscall.hpp"

namespace prefork::master {

namespace {

constexpr std::array<std::string_view, 5> kNames{"debug", "info", "notice", "warning", "error"};

constexpr std::size_t kLossNotice = 80;  // bytes that the line on lost lines may have

std::string timestamp() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", parts, now.tv_nsec / 1'000'000);
}

std::int64_t wall_clock_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

LogLevel log_level(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<LogLevel>(i);
  }
  return LogLevel::info;
}

std::string_view log_level_name(LogLevel level) noexcept { return kNames[static_cast<std::size_t>(level)]; }

Log::Log(const std::string& target, LogLevel threshold) : target_(target), threshold_(threshold), file_(open(target)) {}

ipc::UniqueFd Log::open(const std::string& target) {
  if (target == "stderr") return {};
  const int fd = ::open(target.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (fd == -1) ipc::throw_errno("open " + target);
  return ipc::UniqueFd(fd);
}

void Log::reopen() { file_ = open(target_); }

void Log::write(LogLevel level, std::string_view line) {
  if (level >= LogLevel::info) events_.add(level, line, wall_clock_ms());
  write_line(level, line);
}

void Log::pass_on(LogLevel level, std::string_view line) {
  if (level >= LogLevel::notice) events_.add(level, line, wall_clock_ms());
  write_line(level, line);
}

void Log::write_line(LogLevel level, std::string_view line) {
  if (level < threshold_) return;
  const int fd = file_.is_open() ? file_.get() : STDERR_FILENO;
  std::string text = fmt::format("{} {:<7} {}", timestamp(), kNames[static_cast<std::size_t>(level)], line);
  // poll(2) promises room for PIPE_BUF bytes and no more: a longer write could block.
  text.resize(std::min<std::size_t>(text.size(), PIPE_BUF - (dropped_unsaid_ > 0 ? kLossNotice : 0) - 1));
  text += '\n';
  if (dropped_unsaid_ > 0) text += fmt::format("{} warning {} log lines were lost\n", timestamp(), dropped_unsaid_);
  // stderr may be a pipe that nobody reads, and it is shared: it can't be made non-blocking.
  pollfd writable{fd, POLLOUT, 0};
  const bool ready = ::poll(&writable, 1, 0) == 1 && (writable.revents & POLLOUT) != 0;
  const ssize_t n = ready ? ipc::retry_eintr([&] { return ::write(fd, text.data(), text.size()); }) : -1;
  if (n == static_cast<ssize_t>(text.size())) {
    dropped_unsaid_ = 0;
  } else {
    ++dropped_;
    ++dropped_unsaid_;
  }
}

}  // namespace prefork::master
