#include "framework/master/loop/reactor.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "ipc/posix/syscall.hpp"

namespace prefork::master {

namespace {

/// Time lost during a longer sleep could not be told from the sleep itself.
constexpr std::chrono::milliseconds kLongestWait{1000};

}  // namespace

Reactor::Reactor() : epoll_(ipc::check_syscall(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")) {}

void Reactor::watch(int fd, std::uint32_t events, Callback callback) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  ipc::check_syscall(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl EPOLL_CTL_ADD");
  callbacks_[fd] = std::make_shared<Callback>(std::move(callback));
}

void Reactor::change(int fd, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  ipc::check_syscall(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event), "epoll_ctl EPOLL_CTL_MOD");
}

void Reactor::forget(int fd) noexcept {
  if (callbacks_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Reactor::wait(std::optional<TimePoint> deadline) {
  int timeout = -1;
  const auto asleep = std::chrono::steady_clock::now();
  if (awake_since_) longest_turn_ = std::max<std::chrono::nanoseconds>(longest_turn_, asleep - *awake_since_);
  std::optional<Clock::duration> wait;
  if (deadline) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
    wait = std::clamp(left, std::chrono::milliseconds(0), kLongestWait);
    timeout = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(*wait).count());
  }
  std::array<epoll_event, 64> events;
  Clock::allow(wait);
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
  const int error = errno;
  Clock::now();
  awake_since_ = std::chrono::steady_clock::now();
  if (count == -1 && error != EINTR) ipc::throw_errno(error, "epoll_wait");
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    const auto found = callbacks_.find(event.data.fd);
    if (found == callbacks_.end()) continue;
    const auto callback = found->second;  // must outlive its own removal
    (*callback)(event.events);
  }
}

}  // namespace prefork::master
