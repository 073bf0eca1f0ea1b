#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include <prefork/api.hpp>

#include "framework/worker/isolation/landlock.hpp"
#include "framework/worker/isolation/seccomp.hpp"
#include "ipc/posix/privileges.hpp"

namespace prefork::worker {

struct LimitSetup {
  std::string name;  ///< for messages
  int resource;
  rlimit value;
};

/// What a worker is kept from, and what it gets of the machine. Unset or empty members: as the master has them.
struct Isolation {
  std::vector<unsigned> cpus;
  std::optional<int> nice;
  std::vector<LimitSetup> limits;
  std::optional<mode_t> umask;
  std::string chroot;   ///< becomes / and the working directory
  LandlockPaths paths;  ///< as seen from inside the chroot; none: no Landlock
  ipc::Identity run_as;
  bool dumpable = false;  ///< a process that changed its user is not dumpable unless this is set
  SeccompProfile seccomp = SeccompProfile::off;
};

/// Puts all of it in force for the calling process, for good, and reads each setting back to check it: first what needs
/// rights, then the change of user, last the filter of system calls. After an exception the process is partly isolated
/// and must end. Process: worker, before it loads a plugin. Blocks: on the file system. @throws std::system_error that
/// names the call and its argument; std::runtime_error if a call had no effect or the kernel lacks something. Source:
/// sched_setaffinity(2), setpriority(2), setrlimit(2), umask(2), chroot(2), PR_SET_DUMPABLE, and what restrict_files,
/// assume_identity and refuse_calls name.
PREFORK_API void isolate(const Isolation& isolation);

}  // namespace prefork::worker
