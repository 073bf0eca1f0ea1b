#include "framework/worker/isolation/seccomp.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>

#include "ipc/posix/privileges.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::worker {
namespace {

using prefork::test::in_child;

bool refused(long result) { return result == -1 && errno == EPERM; }

/// In a child with the profile in force: runs `body`.
template <class Body>
std::string under(SeccompProfile profile, Body body) {
  return in_child([&]() -> std::string {
    ipc::forbid_new_privileges();
    refuse_calls(profile);
    return body();
  });
}

std::string run_thread() {
  int made = 0;
  std::thread([&] { made = 1; }).join();
  return made == 1 ? "" : "the thread did not run";
}

TEST(Seccomp, OffLeavesEverything) {
  EXPECT_EQ(under(SeccompProfile::off,
                  []() -> std::string { return ::prctl(PR_GET_SECCOMP) == 0 ? "" : "a filter is there"; }),
            "");
  EXPECT_TRUE(refused_calls(SeccompProfile::off).empty());
}

// With the caller's own rights: where that is root, only the filter can be what refuses.
TEST(Seccomp, BothProfilesRefuseWhatNoServiceNeeds) {
  for (const auto profile : {SeccompProfile::standard, SeccompProfile::strict}) {
    EXPECT_EQ(under(profile,
                    []() -> std::string {
                      if (::prctl(PR_GET_SECCOMP) != 2) return "no filter";
                      if (!refused(::mount("none", "/no/such", "tmpfs", 0, nullptr))) return "mount";
                      if (!refused(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr))) return "ptrace";
                      if (!refused(::unshare(0))) return "unshare";
                      if (!refused(::setns(-1, 0))) return "setns";
                      if (!refused(::chroot("/"))) return "chroot";
                      if (!refused(::syscall(SYS_bpf, -1, nullptr, 0))) return "bpf";
                      if (!refused(::syscall(SYS_keyctl, -1))) return "keyctl";
                      if (!refused(::syscall(SYS_userfaultfd, -1))) return "userfaultfd";
                      if (!refused(::syscall(SYS_perf_event_open, nullptr, 0, 0, 0, 0))) return "perf_event_open";
                      if (!refused(::syscall(SYS_io_uring_setup, 0, nullptr))) return "io_uring_setup";
                      if (!refused(::syscall(SYS_finit_module, -1, "", 0))) return "finit_module";
                      if (!refused(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr)))
                        return "clone of a namespace";
                      if (::syscall(SYS_clone3, nullptr, 0) != -1 || errno != ENOSYS) return "clone3";
                      return "";
                    }),
              "");
  }
}

TEST(Seccomp, TheDefaultLeavesProcesses) {
  EXPECT_EQ(under(SeccompProfile::standard,
                  []() -> std::string {
                    const pid_t child = ::fork();
                    if (child == -1) return "fork";
                    if (child == 0) {
                      ::execl("/bin/true", "true", nullptr);
                      ::_exit(1);
                    }
                    if (prefork::test::reap(child) != 0) return "execve";
                    return run_thread();
                  }),
            "");
}

TEST(Seccomp, StrictLeavesThreadsOnly) {
  EXPECT_EQ(under(SeccompProfile::strict,
                  []() -> std::string {
                    if (!refused(::execl("/bin/true", "true", nullptr))) return "execve";
                    if (!refused(::syscall(SYS_execveat, -1, "", nullptr, nullptr, 0))) return "execveat";
                    const pid_t child = ::fork();
                    if (child == 0) ::_exit(0);
                    if (!refused(child)) return "fork";
                    return run_thread();
                  }),
            "");
}

// Goal: a filter that no right is given up for is not silently left out.
TEST(Seccomp, FailsWhereTheKernelRefuses) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  EXPECT_EQ(in_child([]() -> std::string {
              if (::setresuid(65534, 65534, 65534) != 0) return "setresuid";
              return prefork::test::thrown_by([] { refuse_calls(SeccompProfile::standard); });
            }),
            "seccomp_load: Permission denied");
}

TEST(Seccomp, StrictIsMoreThanTheDefault) {
  const auto standard = refused_calls(SeccompProfile::standard);
  const auto strict = refused_calls(SeccompProfile::strict);
  const std::set<std::string> all(strict.begin(), strict.end());
  EXPECT_EQ(all.size(), strict.size()) << "a name is there twice";
  EXPECT_GT(strict.size(), standard.size());
  for (const char* name : standard) EXPECT_TRUE(all.contains(name)) << name;
  for (const char* name : {"read", "accept4", "epoll_wait", "futex", "mmap", "clone", "prctl", "openat"}) {
    EXPECT_FALSE(all.contains(name)) << name;
  }
}

}  // namespace
}  // namespace prefork::worker
