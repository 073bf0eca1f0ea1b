#include "ipc/objects/sleeper.hpp"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "ipc/objects/wakeup.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::ipc {

namespace {

constexpr unsigned kMostTries = 512;
constexpr unsigned kFewestTries = 8;
constexpr unsigned kTryLongAgain = 32;

unsigned most_tries() noexcept {
  static const unsigned tries = ::sysconf(_SC_NPROCESSORS_ONLN) > 1 ? kMostTries : 0;
  return tries;
}

}  // namespace

SpinBudget::SpinBudget() noexcept : most_(most_tries()), tries_(most_ / 4) {}
void SpinBudget::helped() noexcept { tries_ = std::min(most_, tries_ * 2); }
void SpinBudget::did_not_help() noexcept {
  tries_ = ++failures_ % kTryLongAgain == 0 ? most_ : std::max(std::min(kFewestTries, most_), tries_ / 2);
}
void SpinBudget::pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

std::uint64_t sleeper_clock_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

BellSleeper::BellSleeper(int bell_fd)
    : bell_fd_(bell_fd), epoll_(check_syscall(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.fd = bell_fd}};
  check_syscall(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, bell_fd, &event), "epoll_ctl EPOLL_CTL_ADD bell");
}

bool BellSleeper::sleep(std::uint64_t deadline_ns) {
  int timeout_ms = -1;
  if (deadline_ns != kNoDeadline) {
    const std::uint64_t now = sleeper_clock_ns();
    const std::uint64_t left_ms = deadline_ns > now ? (deadline_ns - now + 999'999) / 1'000'000 : 0;
    timeout_ms = static_cast<int>(std::min<std::uint64_t>(left_ms, 1'000'000'000));
  }
  epoll_event event{};
  if (::epoll_wait(epoll_.get(), &event, 1, timeout_ms) > 0) clear_bell(bell_fd_);
  return true;
}

}  // namespace prefork::ipc
