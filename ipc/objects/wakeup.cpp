#include "ipc/objects/wakeup.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "ipc/posix/syscall.hpp"

namespace prefork::ipc {

Wakeup Wakeup::create() {
  int ends[2];
  check_syscall(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), "socketpair");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void Wakeup::wake() const noexcept { ring_bell(ring_.get()); }
void Wakeup::clear() const noexcept { clear_bell(wait_.get()); }

Wakeups Wakeups::create(std::size_t slots) {
  std::vector<Wakeup> wakeups;
  for (std::size_t i = 0; i < slots; ++i) wakeups.push_back(Wakeup::create());
  return Wakeups(std::move(wakeups));
}

Wakeups::Wakeups(std::vector<Wakeup> wakeups) : wakeups_(std::move(wakeups)) {
  std::vector<int> fds;
  for (const Wakeup& wakeup : wakeups_) fds.push_back(wakeup.ring_fd());
  bells_ = Bells(std::move(fds));
}

void ring_bell(int ring_fd) noexcept {
  const int saved = errno;  // a signal handler may be the caller
  const char ring = 0;
  // EAGAIN means that more rings are pending than the sleeper has cleared: it is awake already.
  [[maybe_unused]] const ssize_t n = ::send(ring_fd, &ring, sizeof ring, MSG_DONTWAIT | MSG_NOSIGNAL);
  errno = saved;
}

void clear_bell(int wait_fd) noexcept {
  std::array<char, 512> rings;
  while (::recv(wait_fd, rings.data(), rings.size(), MSG_DONTWAIT) == static_cast<ssize_t>(rings.size())) {
  }
}

}  // namespace prefork::ipc
