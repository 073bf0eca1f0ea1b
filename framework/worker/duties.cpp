#include "framework/worker/duties.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "ipc/syscall.hpp"

namespace prefork::worker {

namespace {

constexpr std::uint64_t kHeartbeatMs = 1000;

sigset_t term_only() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  return set;
}

void watch(int epoll, int fd) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  ipc::check_syscall(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl EPOLL_CTL_ADD " + std::to_string(fd));
}

}  // namespace

void Duties::take_over_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < SIGRTMIN; ++signal) ::sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;
  for (const int signal : {SIGPIPE, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGTSTP}) {
    ::sigaction(signal, &action, nullptr);
  }
  const sigset_t blocked = term_only();
  ipc::check_syscall(::sigprocmask(SIG_SETMASK, &blocked, nullptr), "sigprocmask");
}

Duties::Duties(Runtime& runtime, MasterLink& link, int wakeup_fd, DutyOfficer& officer)
    : runtime_(runtime), link_(link), officer_(officer), wakeup_fd_(wakeup_fd) {
  const sigset_t set = term_only();
  signals_.reset(ipc::check_syscall(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
  epoll_.reset(ipc::check_syscall(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
  watch(epoll_.get(), link_.control_fd());
  watch(epoll_.get(), signals_.get());
  watch(epoll_.get(), wakeup_fd_);
  runtime_.loop.add(epoll_.get(), EPOLLIN, *this);
  beat();
  runtime_.loop.timers().arm(*this, runtime_.loop.tick_after(kHeartbeatMs));
}

void Duties::beat() noexcept { runtime_.slot.heartbeat_ns.store(ipc::monotonic_ns(), std::memory_order_relaxed); }

void Duties::on_timer() {
  beat();
  runtime_.loop.timers().arm(*this, runtime_.loop.tick_after(kHeartbeatMs));
}

void Duties::wake_at(std::uint64_t tick) { runtime_.loop.timers().arm(alarm_, tick); }

void Duties::attend() {
  runtime_.loop.refresh_clock();
  beat();
  std::uint64_t wakes = 0;
  [[maybe_unused]] const ssize_t n = ::read(wakeup_fd_, &wakes, sizeof wakes);
  drain_signals();
  drain_control();
}

void Duties::drain_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) officer_.asked_to_retire();
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
