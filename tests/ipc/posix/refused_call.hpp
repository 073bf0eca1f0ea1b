#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>

#include "ipc/posix/syscall.hpp"

namespace prefork::test {

/// From now on a system call of the calling process and of its children fails with `error`. This can't be undone: use
/// it in a child of the test. Source: seccomp(2).
inline void refuse_call(long number, int error) {
  std::array<sock_filter, 4> code{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1),
                                   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
                                   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
  const sock_fprog program{code.size(), code.data()};
  ipc::check_syscall(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl PR_SET_NO_NEW_PRIVS");
  ipc::check_syscall(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "prctl PR_SET_SECCOMP");
}

}  // namespace prefork::test
