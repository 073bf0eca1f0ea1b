#include "framework/master/log/log_file.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "framework/master/log/log_line.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::master {
namespace {

constexpr int kFlags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
constexpr int kMostLinks = 16;

bool is_trusted(uid_t owner) noexcept { return owner == 0 || owner == ::geteuid(); }

/// Whether users other than root and us can put a link into the folder of the path.
bool others_may_link(const std::string& path) noexcept {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  struct stat status {};
  if (::stat(folder.c_str(), &status) == -1) return false;  // open(2) will report it
  return !is_trusted(status.st_uid) || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

/// The target of a link; empty: it is no link. @throws std::system_error ELOOP: the link is another user's
std::string trusted_target(const std::string& link) {
  const ipc::UniqueFd file(::open(link.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!file.is_open() || ::fstat(file.get(), &status) == -1 || !S_ISLNK(status.st_mode)) return {};
  if (!is_trusted(status.st_uid))
    ipc::throw_errno(ELOOP, "open " + link + ": a link of user " + std::to_string(status.st_uid));
  std::array<char, 4096> target{};
  const ssize_t n = ::readlinkat(file.get(), "", target.data(), target.size());
  const std::string text(target.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
  if (text.empty() || text.front() == '/') return text;
  return link.substr(0, link.rfind('/') == std::string::npos ? 0 : link.rfind('/') + 1) + text;
}

/// Opens a log, or makes it. A link of another user in a folder that this user may write to is not followed: it could
/// have root's lines appended to any file. @return -1: errno. @throws std::system_error: such a link
int open_log(std::string path) {
  for (int links = 0; links < kMostLinks; ++links) {
    if (!others_may_link(path)) return ::open(path.c_str(), kFlags | O_CREAT, 0640);
    const int fd = ::open(path.c_str(), kFlags | O_CREAT | O_NOFOLLOW, 0640);
    const int error = errno;
    if (fd != -1 || (error != ELOOP && error != EACCES))
      return fd;  // EACCES: fs.protected_regular in /tmp and similar folders
    std::string target = trusted_target(path);
    if (target.empty()) {
      errno = error;
      return -1;
    }
    path = std::move(target);
  }
  errno = ELOOP;
  return -1;
}

/// Whether the last line of a regular file has no end: its writer was stopped by a full disk.
bool ends_within_line(const std::string& path) noexcept {
  const ipc::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat status {};
  if (!file.is_open() || ::fstat(file.get(), &status) == -1 || !S_ISREG(status.st_mode) || status.st_size == 0) {
    return false;
  }
  char last = '\n';
  return ::pread(file.get(), &last, 1, status.st_size - 1) == 1 && last != '\n';
}

}  // namespace

LogFile::LogFile(std::string target, Patience patience) : target_(std::move(target)), patience_(patience) {
  rest_.reserve(kMaxLogLine);
}

bool LogFile::open() {
  if (target_ == "stderr") {
    if (way_ == Way::none) open_stderr();
    return true;
  }
  ipc::UniqueFd next;
  try {
    next.reset(open_log(target_));
  } catch (const std::system_error& error) {
    error_ = error.code().value();
    throw;
  }
  if (!next.is_open()) {
    error_ = errno;
    ipc::throw_errno(error_, "open " + target_);
  }
  if (patience_ == Patience::waits) ::fcntl(next.get(), F_SETFL, O_APPEND);
  const bool whole = complete();
  file_ = std::move(next);
  way_ = Way::direct;
  rest_ = ends_within_line(target_) ? "\n" : "";
  return whole;
}

// Standard error is shared with other processes: making it non-blocking would change it for them too. A pipe or
// terminal can be opened once more, so that only our descriptor is non-blocking. A file can't, since a write to one
// would not move the other's position; but a file does not block either.
void LogFile::open_stderr() {
  way_ = Way::direct;
  struct stat status {};
  if (patience_ == Patience::waits || ::fstat(STDERR_FILENO, &status) == -1) return;
  if (S_ISSOCK(status.st_mode)) {
    way_ = Way::socket;
  } else if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
    file_.reset(::open("/proc/self/fd/2", kFlags));  // not allowed if another user made the pipe
    if (!file_.is_open()) way_ = Way::polled;
  }
}

int LogFile::fd() const noexcept { return file_.is_open() ? file_.get() : STDERR_FILENO; }

long LogFile::put_once(std::string_view bytes) noexcept {
  if (way_ == Way::socket) return ::send(fd(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (way_ == Way::polled) {
    // It promises room for PIPE_BUF bytes and no more, unless another process takes it first. Source: poll(2), pipe(7).
    pollfd writable{fd(), POLLOUT, 0};
    if (::poll(&writable, 1, 0) != 1 || (writable.revents & POLLOUT) == 0) {
      errno = (writable.revents & POLLERR) != 0 ? EPIPE : EAGAIN;
      return -1;
    }
    bytes = bytes.substr(0, kMaxLogLine);
  }
  return ::write(fd(), bytes.data(), bytes.size());
}

std::size_t LogFile::put(std::string_view bytes) noexcept {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto n = ipc::retry_eintr([&] { return put_once(bytes.substr(done)); });
    if (n <= 0) {
      error_ = n == 0 ? ENOSPC : errno;
      break;
    }
    done += static_cast<std::size_t>(n);
  }
  return done;
}

bool LogFile::complete() noexcept {
  if (!rest_.empty()) rest_.erase(0, put(rest_));
  return rest_.empty();
}

std::size_t LogFile::append(std::string_view lines) noexcept {
  if (!is_open()) {
    try {
      open();
    } catch (const std::system_error&) {
      return 0;
    }
  }
  if (!complete()) return 0;
  std::size_t done = put(lines);
  if (done == 0 || done == lines.size() || lines[done - 1] == '\n') return done;
  const std::size_t end = lines.find('\n', done) + 1;
  rest_ = lines.substr(done, end - done);
  return end;
}

}  // namespace prefork::master
