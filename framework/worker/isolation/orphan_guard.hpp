#pragma once

#include <sys/types.h>

namespace prefork::worker {

/// Makes sure that a worker, even a stuck one, does not outlive its master by more than a second: the kernel sends
/// SIGCONT when the master dies, and its handler starts a timer that ends in SIGKILL. A worker that is not stuck sees
/// the end of its control pipe and exits before that. The signal is SIGCONT because a stopped worker would hold its
/// addresses for ever and run no handler of any other signal.
///
/// Must be called once, in the worker, after its last change of user (which cancels the kernel's notification). @return
/// false: the master is already dead. @throws std::system_error Source: PR_SET_PDEATHSIG, timer_create(2).
bool guard_against_orphanage(pid_t master);

}  // namespace prefork::worker
