#include "ipc/wakeup.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "ipc/syscall.hpp"

namespace prefork::ipc {

Wakeup Wakeup::create() { return Wakeup(UniqueFd(check_syscall(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"))); }

void Wakeup::wake() const noexcept {
  const int saved = errno;  // a signal handler may be the caller
  const std::uint64_t one = 1;
  // Fails with EAGAIN only where the counter is full, and then the sleeper is awake already.
  [[maybe_unused]] const ssize_t n = ::write(fd_.get(), &one, sizeof one);
  errno = saved;
}

void Wakeup::clear() const noexcept {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t n = ::read(fd_.get(), &count, sizeof count);
}

}  // namespace prefork::ipc
