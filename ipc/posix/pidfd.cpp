#include "ipc/posix/pidfd.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace prefork::ipc {

UniqueFd open_pidfd(pid_t pid) noexcept { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

}  // namespace prefork::ipc
