#pragma once

#include <sys/types.h>

#include <cstdint>

/// How much memory a process holds. Source: proc(5), /proc/PID/statm.
namespace prefork::ipc {

/// @param statm  an open /proc/PID/statm; each call reads it again
/// @return zero if it can't be read: the process is gone
std::uint64_t resident_bytes_of(int statm) noexcept;

/// The memory of any process. Process: any that may see it.
std::uint64_t resident_bytes(pid_t pid);

}  // namespace prefork::ipc
