#include "framework/worker/duties.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <string>

#include "framework/worker/process_signals.hpp"
#include "framework/worker/shared/shared_waits.hpp"
#include "ipc/objects/wakeup.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::worker {

namespace {

constexpr std::uint64_t kHeartbeatMs = 1000;

void watch(int epoll, int fd, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.fd = fd}};
  ipc::check_syscall(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl EPOLL_CTL_ADD " + std::to_string(fd));
}

}  // namespace

Duties::Duties(Runtime& runtime, MasterLink& link, int bell_fd, SharedWaits& waits, DutyOfficer& officer)
    : runtime_(runtime), link_(link), officer_(officer), waits_(waits), bell_fd_(bell_fd) {
  epoll_.reset(ipc::check_syscall(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
  watch(epoll_.get(), link_.control_fd(), EPOLLIN);
  watch(epoll_.get(), ProcessSignals::fd(), EPOLLIN);
  // Edge-triggered: a bell that others have shut down rings once and never again. It is cleared so that it has room for
  // more rings.
  watch(epoll_.get(), bell_fd_, EPOLLIN | EPOLLET);
  runtime_.loop.add(epoll_.get(), EPOLLIN, *this);
  beat();
  runtime_.loop.timers().arm(*this, runtime_.loop.tick_after(kHeartbeatMs));
}

void Duties::beat() noexcept { runtime_.beat(); }

void Duties::on_timer() {
  beat();
  waits_.recheck();
  officer_.every_second();
  runtime_.loop.timers().arm(*this, runtime_.loop.tick_after(kHeartbeatMs));
}

void Duties::wake_at(std::uint64_t tick) { runtime_.loop.timers().arm(alarm_, tick); }

void Duties::attend() {
  runtime_.loop.refresh_clock();
  beat();
  std::array<epoll_event, 3> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const int fd = events[static_cast<std::size_t>(i)].data.fd;
    if (fd == bell_fd_) hear_bell();
    if (fd == ProcessSignals::fd()) drain_signals();
    if (fd == link_.control_fd()) drain_control();
  }
}

void Duties::hear_bell() {
  ipc::clear_bell(bell_fd_);
  waits_.on_bell();
}

void Duties::drain_signals() {
  ProcessSignals::take(
      [this](int number) { number == SIGTERM ? officer_.asked_to_retire() : officer_.signalled(number); });
}

void Duties::drain_control() {
  while (master_alive_) {
    const auto order = link_.receive();
    if (order.kind == MasterLink::Order::Kind::none) return;
    if (order.kind == MasterLink::Order::Kind::message) {
      officer_.obey(order.message);
      continue;
    }
    master_alive_ = false;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, link_.control_fd(), nullptr);
    officer_.master_died();
  }
}

}  // namespace prefork::worker
