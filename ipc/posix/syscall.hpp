#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::ipc {

/// Throws std::system_error with `errno` and the call with its argument: "bind 127.0.0.1:80: Permission denied".
[[noreturn]] void throw_errno(std::string_view call);
[[noreturn]] void throw_errno(int error, std::string_view call);

/// Repeats a call as long as a signal interrupts it.
template <class Call>
auto retry_eintr(Call call) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

/// Throws with the call's name if `result` is -1.
template <class Result>
Result check_syscall(Result result, std::string_view call) {
  if (result == -1) throw_errno(call);
  return result;
}

/// Writes all bytes to a blocking descriptor. @throws std::system_error.
void write_all(int fd, std::string_view bytes, std::string_view what);

/// Reads until the end of the file, at most `max_bytes`. @throws std::length_error if there is more
std::string read_all(int fd, std::size_t max_bytes, std::string_view what);

/// All descriptors that the process has open now, ascending. @throws std::system_error if /proc can't be read
std::vector<int> open_descriptors();

/// Closes every descriptor of the process from 0 on that is not in `keep` (ascending, may contain duplicates). If a
/// container's filter refuses close_range(2), it closes those that /proc/self/fd names.
/// @throws std::system_error if neither is available. Process: a freshly forked child.
void close_all_except(const int* keep, std::size_t count);

}  // namespace prefork::ipc
