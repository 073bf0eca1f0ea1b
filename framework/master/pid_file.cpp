#include "framework/master/pid_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "framework/master/startup_error.hpp"
#include "ipc/syscall.hpp"

namespace prefork::master {

namespace {

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

bool same_file(int fd, const std::string& path) {
  struct stat held {
  }, named{};
  return ::fstat(fd, &held) == 0 && ::stat(path.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

}  // namespace

PidFile::PidFile(const std::string& path) : path_(path), owner_(::getpid()) {
  if (path_.empty()) return;
  // The holder removes the file before it lets the lock go: what was locked may not be there any more.
  do {
    file_.reset(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
    if (!file_.is_open()) refuse(path_, "open");
    if (::flock(file_.get(), LOCK_EX | LOCK_NB) == -1) {
      throw StartupError(EX_UNAVAILABLE, holder_of(file_.get()) + " holds pid file " + path_);
    }
  } while (!same_file(file_.get(), path_));
  try {
    ipc::check_syscall(::ftruncate(file_.get(), 0), "ftruncate");
    ipc::write_all(file_.get(), std::to_string(owner_) + "\n", path_);
  } catch (const std::system_error&) {
    ::unlink(path_.c_str());
    refuse(path_, "write");
  }
}

PidFile::~PidFile() {
  if (file_.is_open() && ::getpid() == owner_) ::unlink(path_.c_str());
}

}  // namespace prefork::master
