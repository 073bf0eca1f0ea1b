#include "ipc/party.hpp"

#include <unistd.h>

#include <cerrno>

namespace prefork::ipc {

void Bells::ring(std::size_t slot) const noexcept {
  if (slot >= fds_.size()) return;
  const int saved = errno;
  const std::uint64_t one = 1;
  // Fails with EAGAIN only where the counter is full, and then the sleeper is awake already.
  [[maybe_unused]] const ssize_t n = ::write(fds_[slot], &one, sizeof one);
  errno = saved;
}

}  // namespace prefork::ipc
