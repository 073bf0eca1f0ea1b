#include "framework/worker/process_signals.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "ipc/posix/syscall.hpp"

namespace prefork::worker {

namespace {

// A signal handler can use only statics. The bits are this process's own, but the descriptor is shared with its
// children: a signal sent to one of them wakes the worker for nothing.
std::atomic<unsigned> noted{0};
static_assert(std::atomic<unsigned>::is_always_lock_free);
int wake_fd = -1;
pid_t worker = 0;

// The signal is blocked while its handler runs: if raised in it, it ends the child once the handler returns.
bool is_of_a_child(int signal) noexcept {
  if (::getpid() == worker) return false;
  ::signal(signal, SIG_DFL);
  ::raise(signal);
  return true;
}

void note(int signal) {
  const int before = errno;
  if (!is_of_a_child(signal)) {
    noted.fetch_or(1U << signal);
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake_fd, &one, sizeof one);
  }
  errno = before;
}

void pass(int signal) {
  const int before = errno;
  is_of_a_child(signal);
  errno = before;
}

// For a background process at a terminal the system restarts a call and signals again, until the signal is ignored.
void ignore_from_now_on(int signal) {
  const int before = errno;
  if (!is_of_a_child(signal)) ::signal(signal, SIG_IGN);
  errno = before;
}

void handle(void (*handler)(int), std::initializer_list<int> signals) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  for (const int signal : signals) {
    ipc::check_syscall(::sigaction(signal, &action, nullptr), "sigaction " + std::to_string(signal));
  }
}

}  // namespace

void ProcessSignals::take_over() {
  worker = ::getpid();
  wake_fd = ipc::check_syscall(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
  for (int signal = 1; signal <= SIGRTMAX; ++signal) ::signal(signal, SIG_DFL);
  handle(&note, {SIGTERM, SIGUSR1, SIGUSR2});
  handle(&pass, {SIGPIPE, SIGINT, SIGQUIT, SIGHUP, SIGTSTP});
  handle(&ignore_from_now_on, {SIGTTIN, SIGTTOU});
  sigset_t none;
  sigemptyset(&none);
  ipc::check_syscall(::sigprocmask(SIG_SETMASK, &none, nullptr), "sigprocmask");
}

int ProcessSignals::fd() noexcept { return wake_fd; }

unsigned ProcessSignals::exchange() noexcept {
  std::uint64_t times = 0;
  if (::read(wake_fd, &times, sizeof times) == -1) return 0;
  return noted.exchange(0);
}

}  // namespace prefork::worker
