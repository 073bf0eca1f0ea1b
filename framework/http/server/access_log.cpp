#include "framework/http/server/access_log.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "ipc/posix/syscall.hpp"

namespace prefork::http {
namespace {

constexpr std::uint64_t kFlushMs = 200;
/// What may wait for a writer that does not keep up.
constexpr std::size_t kMostWaiting = std::size_t{1} << 20;

/// The whole lines at the start of `lines` that fit into one write which can't be torn.
std::size_t next_write(const std::string& lines, std::size_t begin) noexcept {
  if (lines.size() - begin <= kMaxAccessLine) return lines.size() - begin;
  return lines.rfind('\n', begin + kMaxAccessLine - 1) + 1 - begin;
}

}  // namespace

std::unique_ptr<AccessLog> AccessLog::of(worker::ServiceHost& host) {
  if (host.access_log_fd() == -1) return nullptr;
  return std::unique_ptr<AccessLog>(
      new AccessLog(host, AccessFormat(host.options().text("access-log-format")),
                    static_cast<std::uint64_t>(host.options().integer("access-log-sample"))));
}

AccessLog::AccessLog(worker::ServiceHost& host, AccessFormat format, std::uint64_t sample)
    : host_(host),
      format_(std::move(format)),
      source_{host.name(), host.identity().pool + "/" + std::to_string(host.identity().index)},
      sample_(sample) {}

AccessLog::~AccessLog() { disarm(); }

void AccessLog::record(const AccessRecord& record) {
  if (lines_.size() >= kMostWaiting) {
    ++lost_;
    host_.runtime().slot.add(ipc::Counter::access_lines_dropped);
    return;
  }
  const std::size_t before = lines_.size();
  format_.append(record, source_, lines_);
  if (before < kMaxAccessLine && lines_.size() >= kMaxAccessLine) flush();
  if (!armed() && !lines_.empty()) {
    host_.runtime().loop.timers().arm(*this, host_.runtime().loop.tick_after(kFlushMs));
  }
}

void AccessLog::flush() noexcept {
  std::size_t done = 0;
  while (done < lines_.size()) {
    const std::size_t bytes = next_write(lines_, done);
    const ssize_t n = ipc::retry_eintr([&] { return ::write(host_.access_log_fd(), lines_.data() + done, bytes); });
    if (n != static_cast<ssize_t>(bytes)) break;  // all or nothing: PIPE_BUF, pipe(7)
    done += bytes;
  }
  lines_.erase(0, done);
  if (lines_.empty()) {
    tell_losses();
  } else if (!armed()) {
    host_.runtime().loop.timers().arm(*this, host_.runtime().loop.tick_after(kFlushMs));
  }
}

void AccessLog::tell_losses() noexcept {
  if (lost_ == 0) return;
  host_.log(LogLevel::warning, "the access log did not keep up: " + std::to_string(lost_) + " lines were lost");
  lost_ = 0;
}

// Once its process ends, what is left is lost.
void AccessLog::finish() noexcept {
  constexpr int kPatienceMs = 1000;
  flush();
  pollfd writable{host_.access_log_fd(), POLLOUT, 0};
  const auto wait = [&] { return ipc::retry_eintr([&] { return ::poll(&writable, 1, kPatienceMs); }); };
  while (!lines_.empty() && wait() == 1 && (writable.revents & POLLERR) == 0) flush();
  const auto left = static_cast<std::uint64_t>(std::count(lines_.begin(), lines_.end(), '\n'));
  lost_ += left;
  host_.runtime().slot.add(ipc::Counter::access_lines_dropped, left);
  tell_losses();
}

}  // namespace prefork::http
