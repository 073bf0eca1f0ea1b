#include "framework/worker/isolation/seccomp.hpp"

#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include "ipc/posix/syscall.hpp"

namespace prefork::worker {

namespace {

constexpr std::array kStandard{
    // The machine: its clock, name, modules, swap, quotas, accounting, log and restart.
    "acct", "adjtimex", "clock_adjtime", "clock_adjtime64", "clock_settime", "clock_settime64", "create_module",
    "delete_module", "finit_module", "init_module", "ioperm", "iopl", "kexec_file_load", "kexec_load", "nfsservctl",
    "quotactl", "quotactl_fd", "reboot", "sethostname", "setdomainname", "settimeofday", "stime", "swapoff", "swapon",
    "syslog", "vhangup",
    // The tree of mounts, and files by handle, which bypass it.
    "chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount", "name_to_handle_at",
    "open_by_handle_at", "open_tree", "pivot_root", "umount", "umount2",
    // Other processes and namespaces.
    "kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace", "setns", "unshare",
    // Parts of the kernel that attacks have used, and that a service does not need.
    "_sysctl", "add_key", "bpf", "fanotify_init", "get_kernel_syms", "io_uring_enter", "io_uring_register",
    "io_uring_setup", "keyctl", "lookup_dcookie", "modify_ldt", "perf_event_open", "personality", "query_module",
    "request_key", "sysfs", "uselib", "userfaultfd", "ustat", "vm86", "vm86old"};

constexpr std::array kStrict{"execve", "execveat", "fork", "vfork"};

// CLONE_NEWTIME is not valid for clone, which uses its bit for the signal.
constexpr std::array<std::uint64_t, 7> kNamespaces{CLONE_NEWCGROUP, CLONE_NEWIPC,  CLONE_NEWNET, CLONE_NEWNS,
                                                   CLONE_NEWPID,    CLONE_NEWUSER, CLONE_NEWUTS};

constexpr std::uint32_t kRefuse = SCMP_ACT_ERRNO(EPERM);

struct Release {
  void operator()(void* filter) const noexcept { ::seccomp_release(filter); }
};

class Filter {
 public:
  Filter() : filter_(::seccomp_init(SCMP_ACT_ALLOW)) {
    if (filter_ == nullptr) throw std::bad_alloc();
    check(::seccomp_attr_set(filter_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "seccomp_attr_set");
    check(::seccomp_attr_set(filter_.get(), SCMP_FLTATR_API_SYSRAWRC, 1), "seccomp_attr_set");
    check(::seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_NNP, 0), "seccomp_attr_set");  // the caller sets it
  }

  // A name that the library does not know belongs to a later kernel or to another machine.
  void refuse(const char* name, std::uint32_t action = kRefuse) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;
    check(::seccomp_rule_add(filter_.get(), action, number, 0), "seccomp_rule_add " + std::string(name));
  }

  /// Refuses clone if the bits of `mask` in its flags are `value`.
  void refuse_clone(std::uint64_t mask, std::uint64_t value) {
    const scmp_arg_cmp flags{0, SCMP_CMP_MASKED_EQ, mask, value};
    check(::seccomp_rule_add_array(filter_.get(), kRefuse, SCMP_SYS(clone), 1, &flags), "seccomp_rule_add clone");
  }

  void load() { check(::seccomp_load(filter_.get()), "seccomp_load"); }

 private:
  static void check(int result, const std::string& call) {
    if (result < 0) ipc::throw_errno(-result, call);
  }

  std::unique_ptr<void, Release> filter_;
};

}  // namespace

std::vector<const char*> refused_calls(SeccompProfile profile) {
  std::vector<const char*> names;
  if (profile == SeccompProfile::off) return names;
  names.assign(kStandard.begin(), kStandard.end());
  if (profile == SeccompProfile::strict) names.insert(names.end(), kStrict.begin(), kStrict.end());
  return names;
}

namespace {

// Both calls fail in any case: the arguments are invalid on purpose.
void probe(SeccompProfile profile) {
  if (::prctl(PR_GET_SECCOMP) != SECCOMP_MODE_FILTER) ipc::throw_errno(EPERM, "seccomp_load: prctl PR_GET_SECCOMP");
  if (::syscall(SYS_keyctl, -1L) != -1 || errno != EPERM) throw std::runtime_error("seccomp_load has no effect");
  if (profile != SeccompProfile::strict) return;
  if (::syscall(SYS_execve, nullptr, nullptr, nullptr) != -1 || errno != EPERM) {
    throw std::runtime_error("seccomp_load has no effect on execve");
  }
}

}  // namespace

void refuse_calls(SeccompProfile profile) {
  if (profile == SeccompProfile::off) return;
  Filter filter;
  for (const char* name : refused_calls(profile)) filter.refuse(name);
  filter.refuse("clone3", SCMP_ACT_ERRNO(ENOSYS));
  for (const auto flag : kNamespaces) filter.refuse_clone(flag, flag);
  if (profile == SeccompProfile::strict) filter.refuse_clone(CLONE_THREAD, 0);
  filter.load();
  probe(profile);
}

}  // namespace prefork::worker
