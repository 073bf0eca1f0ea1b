#include "framework/worker/isolation/isolation.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>
#include <stdexcept>

#include "ipc/posix/syscall.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::worker {

namespace {

[[noreturn]] void no_effect(const std::string& call) { throw std::runtime_error(call + " has no effect"); }

// The kernel takes a mask of any length and silently ignores CPUs that do not exist or are not granted.
void bind_to_cpus(const std::vector<unsigned>& cpus) {
  if (cpus.empty()) return;
  // The kernel's mask may be longer than ours, and can't be read back into a shorter one.
  constexpr std::size_t kMaxCpus = 8192;
  const auto free_set = [](cpu_set_t* set) { CPU_FREE(set); };
  using Set = std::unique_ptr<cpu_set_t, decltype(free_set)>;
  const Set wanted(CPU_ALLOC(kMaxCpus), free_set), granted(CPU_ALLOC(kMaxCpus), free_set);
  if (!wanted || !granted) throw std::bad_alloc();
  const std::size_t bytes = CPU_ALLOC_SIZE(kMaxCpus);
  CPU_ZERO_S(bytes, wanted.get());
  CPU_ZERO_S(bytes, granted.get());
  for (const unsigned cpu : cpus) CPU_SET_S(cpu, bytes, wanted.get());
  const std::string call = fmt::format("sched_setaffinity to CPUs {}", fmt::join(cpus, ","));
  ipc::check_syscall(::sched_setaffinity(0, bytes, wanted.get()), call);
  ipc::check_syscall(::sched_getaffinity(0, bytes, granted.get()), "sched_getaffinity");
  for (const unsigned cpu : cpus) {
    if (!CPU_ISSET_S(cpu, bytes, granted.get())) {
      throw std::runtime_error(fmt::format("{}: CPU {} does not exist or is not granted", call, cpu));
    }
  }
  if (!CPU_EQUAL_S(bytes, wanted.get(), granted.get())) no_effect(call);
}

void set_priority(int nice) {
  const std::string call = fmt::format("setpriority {}", nice);
  ipc::check_syscall(::setpriority(PRIO_PROCESS, 0, nice), call);
  errno = 0;
  if (::getpriority(PRIO_PROCESS, 0) != nice || errno != 0) no_effect(call);
}

std::string written(rlim_t value) { return value == RLIM_INFINITY ? "unlimited" : std::to_string(value); }

void set_limit(const LimitSetup& limit) {
  const std::string call =
      fmt::format("setrlimit {} {}:{}", limit.name, written(limit.value.rlim_cur), written(limit.value.rlim_max));
  const auto resource = static_cast<__rlimit_resource>(limit.resource);
  ipc::check_syscall(::setrlimit(resource, &limit.value), call);
  rlimit now{};
  ipc::check_syscall(::getrlimit(resource, &now), "getrlimit " + limit.name);
  if (now.rlim_cur != limit.value.rlim_cur || now.rlim_max != limit.value.rlim_max) no_effect(call);
}

void set_umask(mode_t mask) {
  ::umask(mask);
  if (::umask(mask) != mask) no_effect(fmt::format("umask {:04o}", mask));
}

void change_root(const std::string& path) {
  const ipc::UniqueFd folder(
      ipc::check_syscall(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), "open " + path + " for chroot"));
  ipc::check_syscall(::fchdir(folder.get()), "fchdir " + path);
  ipc::check_syscall(::chroot("."), "chroot " + path);
  ipc::check_syscall(::chdir("/"), "chdir / after chroot " + path);
  struct stat wanted {};
  ipc::check_syscall(::fstat(folder.get(), &wanted), "fstat " + path);
  for (const char* where : {"/", "/..", "."}) {
    struct stat now {};
    ipc::check_syscall(::stat(where, &now), std::string("stat ") + where + " after chroot " + path);
    if (now.st_dev != wanted.st_dev || now.st_ino != wanted.st_ino) no_effect("chroot " + path);
  }
}

// By default the kernel makes a process that changed its user undumpable, but fs.suid_dumpable can say otherwise.
void set_dumpable(bool dumpable) {
  const std::string call = fmt::format("prctl PR_SET_DUMPABLE {}", dumpable ? 1 : 0);
  ipc::check_syscall(::prctl(PR_SET_DUMPABLE, dumpable ? 1UL : 0UL), call);
  if (::prctl(PR_GET_DUMPABLE) != (dumpable ? 1 : 0)) no_effect(call);
}

}  // namespace

void isolate(const Isolation& isolation) {
  bind_to_cpus(isolation.cpus);
  if (isolation.nice) set_priority(*isolation.nice);
  for (const auto& limit : isolation.limits) set_limit(limit);
  if (isolation.umask) set_umask(*isolation.umask);
  if (!isolation.chroot.empty()) change_root(isolation.chroot);
  if (!isolation.paths.empty()) restrict_files(isolation.paths);
  const bool changes_user = ::geteuid() != isolation.run_as.uid;
  ipc::assume_identity(isolation.run_as);
  if (isolation.dumpable || changes_user) set_dumpable(isolation.dumpable);
  refuse_calls(isolation.seccomp);
}

}  // namespace prefork::worker
