#include "framework/cli/standard_streams.hpp"

#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "ipc/posix/syscall.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::cli {

namespace {

bool can_be_written(int fd) noexcept {
  const int flags = ::fcntl(fd, F_GETFL);
  return flags != -1 && (flags & O_ACCMODE) != O_RDONLY;
}

}  // namespace

// In this order each open(2) returns the wanted descriptor: the lowest free one.
void fill_standard_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) != -1) continue;
    const int flags = fd == STDOUT_FILENO ? O_RDONLY : O_RDWR;  // a write to the first fails with EBADF
    ipc::check_syscall(::open("/dev/null", flags), "open /dev/null");
  }
}

void detach_standard_input() {
  const ipc::UniqueFd null(ipc::check_syscall(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fd == STDIN_FILENO || !can_be_written(fd)) ipc::check_syscall(::dup2(null.get(), fd), "dup2 /dev/null");
  }
}

int print(std::string_view program, const std::string& text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return 0;
  const std::string why = errno != 0 ? std::string(": ") + std::strerror(errno) : "";
  std::fprintf(stderr, "%.*s: can't write to standard output%s\n", static_cast<int>(program.size()), program.data(),
               why.c_str());
  return EX_IOERR;
}

}  // namespace prefork::cli
