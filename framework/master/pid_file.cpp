#include "framework/master/pid_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include "framework/master/generation/file_identity.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::master {

namespace {

constexpr auto kLockPatience = std::chrono::seconds(1);
constexpr auto kLockPause = std::chrono::milliseconds(20);

[[noreturn]] void refuse(const std::string& path, const std::string& call) {
  const int code = errno == EACCES || errno == EPERM ? EX_NOPERM : EX_CANTCREAT;
  throw StartupError(code, call + " pid file " + path + ": " + std::strerror(errno));
}

std::string holder_of(int fd) {
  char text[32] = {};
  const ssize_t n = ::pread(fd, text, sizeof text - 1, 0);
  const std::string pid(text, n > 0 ? std::strcspn(text, "\n") : 0);
  return pid.empty() ? "another process" : "another prefork-master (pid " + pid + ")";
}

// A killed master may not be completely gone, and a child that it had just forked still holds its lock.
void lock(int fd, const std::string& path) {
  const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
  while (ipc::retry_eintr([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) == -1) {
    if (errno != EWOULDBLOCK) refuse(path, "flock");
    if (std::chrono::steady_clock::now() >= deadline) {
      throw StartupError(EX_UNAVAILABLE, holder_of(fd) + " holds pid file " + path);
    }
    std::this_thread::sleep_for(kLockPause);
  }
}

void write_pid(int fd, pid_t pid, const std::string& path) {
  try {
    ipc::check_syscall(::ftruncate(fd, 0), "ftruncate");
    ipc::write_all(fd, std::to_string(pid) + "\n", path);
  } catch (const std::system_error&) {
    ::unlink(path.c_str());
    refuse(path, "write");
  }
}

}  // namespace

PidFile::PidFile(const std::string& path) : path_(path), owner_(::getpid()) {
  if (path_.empty()) return;
  // The holder removes the file before it releases the lock: the locked file may no longer be there.
  do {
    file_.reset(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file_.is_open()) refuse(path_, "open");
    lock(file_.get(), path_);
  } while (identity_of(file_.get()) != identity_of(path_));
  write_pid(file_.get(), owner_, path_);
}

PidFile::PidFile(const std::string& path, ipc::UniqueFd file, pid_t owner) noexcept
    : path_(path), owner_(owner), file_(std::move(file)) {}

PidFile::~PidFile() {
  if (!file_.is_open() || ::getpid() != owner_) return;
  if (const auto own = identity_of(file_.get())) remove_own(path_, *own);
}

// The new file takes the old one's descriptor number, which others have noted.
bool PidFile::restore() {
  if (!file_.is_open() || identity_of(file_.get()) == identity_of(path_)) return false;
  const ipc::UniqueFd next(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!next.is_open()) refuse(path_, "open");
  lock(next.get(), path_);
  write_pid(next.get(), owner_, path_);
  if (ipc::retry_eintr([&] { return ::dup3(next.get(), file_.get(), O_CLOEXEC); }) == -1) refuse(path_, "dup3");
  return true;
}

}  // namespace prefork::master
