#include "framework/worker/isolation/isolation.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/ipc/support.hpp"

namespace prefork::worker {
namespace {

using prefork::test::in_child;
using prefork::test::TempFolder;
using prefork::test::thrown_by;
using testing::HasSubstr;
using testing::StartsWith;

#define NEEDS_ROOT() \
  if (::geteuid() != 0) GTEST_SKIP() << "needs root"

/// Isolation for a process that keeps its identity.
Isolation own() {
  Isolation isolation;
  isolation.run_as = {::getuid(), ::getgid(), {}, "itself"};
  return isolation;
}

Isolation nobody() {
  Isolation isolation;
  isolation.run_as = ipc::resolve_identity(std::nullopt, std::nullopt);
  return isolation;
}

/// What isolate() throws in a child.
std::string failure_of(const Isolation& isolation) {
  return in_child([&] { return thrown_by([&] { isolate(isolation); }); });
}

unsigned first_cpu() {
  cpu_set_t set;
  ::sched_getaffinity(0, sizeof set, &set);
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) return cpu;
  }
  return 0;
}

TEST(Isolate, SetsWhatIsAskedFor) {
  Isolation isolation = own();
  isolation.cpus = {first_cpu()};
  isolation.nice = 19;
  isolation.umask = 027;
  isolation.limits = {{"limit-nofile", RLIMIT_NOFILE, {100, 200}}, {"limit-core", RLIMIT_CORE, {0, 0}}};
  isolation.seccomp = SeccompProfile::standard;
  EXPECT_EQ(in_child([&]() -> std::string {
              isolate(isolation);
              cpu_set_t set;
              ::sched_getaffinity(0, sizeof set, &set);
              if (CPU_COUNT(&set) != 1 || !CPU_ISSET(isolation.cpus[0], &set)) return "affinity";
              if (::getpriority(PRIO_PROCESS, 0) != 19) return "priority";
              if (::umask(0) != 027) return "umask";
              rlimit limit{};
              ::getrlimit(RLIMIT_NOFILE, &limit);
              if (limit.rlim_cur != 100 || limit.rlim_max != 200) return "limit-nofile";
              ::getrlimit(RLIMIT_CORE, &limit);
              if (limit.rlim_max != 0) return "limit-core";
              if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return "no_new_privs";
              if (::prctl(PR_GET_SECCOMP) != 2) return "seccomp";
              return "";
            }),
            "");
}

TEST(Isolate, LeavesWhatIsNotAskedFor) {
  EXPECT_EQ(in_child([]() -> std::string {
              ::umask(0123);
              const int nice = ::getpriority(PRIO_PROCESS, 0);
              const int dumpable = ::prctl(PR_GET_DUMPABLE);
              isolate(own());
              if (::umask(0) != 0123) return "umask";
              if (::getpriority(PRIO_PROCESS, 0) != nice) return "priority";
              if (::prctl(PR_GET_DUMPABLE) != dumpable) return "dumpable";
              return ::prctl(PR_GET_SECCOMP) == 0 ? "" : "seccomp";
            }),
            "");
}

TEST(Isolate, WhoChangesItsUserIsDumpableOnlyIfAsked) {
  NEEDS_ROOT();
  EXPECT_EQ(in_child([]() -> std::string {
              isolate(nobody());
              return ::prctl(PR_GET_DUMPABLE) == 0 ? "" : "is dumpable";
            }),
            "");
  EXPECT_EQ(in_child([]() -> std::string {
              Isolation isolation = nobody();
              isolation.dumpable = true;
              isolate(isolation);
              return ::prctl(PR_GET_DUMPABLE) == 1 ? "" : "is not dumpable";
            }),
            "");
}

TEST(Isolate, AChrootIsRootAndWorkingDirectory) {
  NEEDS_ROOT();
  const TempFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  ASSERT_EQ(::mkdir(folder.file("inside").c_str(), 0755), 0);
  Isolation isolation = nobody();
  isolation.chroot = folder.path();
  EXPECT_EQ(in_child([&]() -> std::string {
              isolate(isolation);
              if (::access("/inside", F_OK) != 0 || ::access("inside", F_OK) != 0) return "not inside";
              if (::access("/etc", F_OK) == 0 || ::access("../../../../etc", F_OK) == 0) return "the outside is there";
              if (::geteuid() == 0 || ::chroot("/") == 0) return "still root";
              return "";
            }),
            "");
}

// Goal: Landlock's paths are those that the services see.
TEST(Isolate, LandlockIsWithinTheChroot) {
  NEEDS_ROOT();
  if (landlock_abi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
  const TempFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  for (const char* name : {"a", "b"}) ASSERT_EQ(::mkdir(folder.file(name).c_str(), 0755), 0);
  Isolation isolation = nobody();
  isolation.chroot = folder.path();
  isolation.paths.readable = {"/a"};
  EXPECT_EQ(in_child([&]() -> std::string {
              isolate(isolation);
              if (::open("/a", O_RDONLY | O_DIRECTORY) < 0) return "can't list /a";
              if (::open("/b", O_RDONLY | O_DIRECTORY) >= 0 || errno != EACCES) return "lists /b";
              return "";
            }),
            "");
}

// Goal: every failure names the call and its argument.
TEST(Isolate, FailuresAreNamed) {
  Isolation isolation = own();
  isolation.cpus = {first_cpu(), 8191};
  EXPECT_THAT(failure_of(isolation), HasSubstr(",8191: CPU 8191 does not exist or is not granted"));
  isolation.cpus = {8191};
  EXPECT_EQ(failure_of(isolation), "sched_setaffinity to CPUs 8191: Invalid argument");
  isolation = own();
  isolation.chroot = "/no/such";
  EXPECT_EQ(failure_of(isolation), "open /no/such for chroot: No such file or directory");
  isolation.chroot = "/etc/passwd";
  EXPECT_EQ(failure_of(isolation), "open /etc/passwd for chroot: Not a directory");
}

TEST(Isolate, WhoHasNoRightsIsRefused) {
  NEEDS_ROOT();
  const auto as_nobody = [](auto change) {
    return in_child([&]() -> std::string {
      if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) return "setresuid";
      const rlimit files{64, 64};
      ::setrlimit(RLIMIT_NOFILE, &files);
      Isolation isolation = own();
      change(isolation);
      return thrown_by([&] { isolate(isolation); });
    });
  };
  EXPECT_EQ(as_nobody([](Isolation& i) { i.nice = -5; }), "setpriority -5: Permission denied");
  EXPECT_EQ(as_nobody([](Isolation& i) { i.chroot = "/"; }), "chroot /: Operation not permitted");
  EXPECT_EQ(as_nobody([](Isolation& i) {
              i.limits = {{"limit-nofile", RLIMIT_NOFILE, {64, RLIM_INFINITY}}};
            }),
            "setrlimit limit-nofile 64:unlimited: Operation not permitted");
}

}  // namespace
}  // namespace prefork::worker
