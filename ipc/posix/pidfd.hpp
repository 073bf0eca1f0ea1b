#pragma once

#include <sys/types.h>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::ipc {

/// @param pid  a child that is not yet reaped
/// @return closed if the process has no descriptors left or the kernel has no pidfd. Source: pidfd_open(2).
UniqueFd open_pidfd(pid_t pid) noexcept;

}  // namespace prefork::ipc
