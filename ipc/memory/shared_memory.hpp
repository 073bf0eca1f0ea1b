#pragma once

#include <boost/interprocess/mapped_region.hpp>

#include <cstddef>
#include <string>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::ipc {

/// Anonymous shared memory: a memfd that is allocated in full (no SIGBUS later when memory runs out) and
/// sealed in its size, mapped by Boost.Interprocess. A forked child has the mapping too; the descriptor
/// carries it over an exec. Source: memfd_create(2), posix_fallocate(3), fcntl(2) F_ADD_SEALS.
class SharedMemory {
 public:
  /// Makes `bytes` (more than zero) of zeroed memory. `name` is for /proc/PID/maps.
  /// @throws std::system_error: ENOSPC or ENOMEM where there is not enough memory.
  static SharedMemory create(const std::string& name, std::size_t bytes);
  /// Maps what another process made. @throws std::system_error
  static SharedMemory map(UniqueFd fd);

  void* data() const noexcept { return region_.get_address(); }
  std::size_t size() const noexcept { return region_.get_size(); }
  int fd() const noexcept { return fd_.get(); }
  /// The mapping stays, the descriptor goes.
  void keep_mapping_only() noexcept { fd_.reset(); }

 private:
  SharedMemory(UniqueFd fd, boost::interprocess::mapped_region region);

  UniqueFd fd_;
  boost::interprocess::mapped_region region_;
};

/// A read-only, sealed copy of a file, which no later change of the file can reach.
/// @throws std::system_error on any failure; std::length_error where it is larger than `max_bytes`.
UniqueFd sealed_copy(const std::string& path, std::size_t max_bytes);

/// The absolute path that a sealed_copy() was made of, or the file's name alone where the path had more than about 240
/// bytes; empty: the descriptor is no such copy. What lies there may have been replaced since.
/// @param proc_fds  a descriptor of the folder /proc/self/fd, where that can't be reached by its path; else -1
std::string copied_from(int fd, int proc_fds = -1);

}  // namespace prefork::ipc
