#include "framework/worker/isolation/orphan_guard.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "ipc/posix/syscall.hpp"

namespace prefork::worker {

namespace {

// A signal handler can use only statics.
pid_t master_pid;
timer_t kill_timer;
constexpr itimerspec kPatience{.it_interval = {0, 0}, .it_value = {0, 900'000'000}};

void on_continue(int) {
  const int saved = errno;
  if (::getppid() != master_pid) ::timer_settime(kill_timer, 0, &kPatience, nullptr);
  errno = saved;
}

}  // namespace

bool guard_against_orphanage(pid_t master) {
  master_pid = master;
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGKILL;
  ipc::check_syscall(::timer_create(CLOCK_MONOTONIC, &event, &kill_timer), "timer_create SIGKILL");
  struct sigaction action {};
  action.sa_handler = on_continue;
  action.sa_flags = SA_RESTART;
  ipc::check_syscall(::sigaction(SIGCONT, &action, nullptr), "sigaction SIGCONT");
  ipc::check_syscall(::prctl(PR_SET_PDEATHSIG, SIGCONT), "prctl PR_SET_PDEATHSIG");
  return ::getppid() == master;
}

}  // namespace prefork::worker
