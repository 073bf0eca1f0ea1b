#pragma once

#include <boost/interprocess/mapped_region.hpp>

#include <cstddef>
#include <string>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::ipc {

/// Anonymous shared memory: a memfd that is fully allocated (no SIGBUS later when memory runs out) and sealed against a
/// change of size, mapped by Boost.Interprocess. A forked child inherits the mapping; the descriptor carries it over an
/// exec. Source: memfd_create(2), posix_fallocate(3), fcntl(2) F_ADD_SEALS.
class SharedMemory {
 public:
  /// Makes `bytes` (more than zero) of zeroed memory. `name` appears in /proc/PID/maps.
  /// @throws std::system_error: ENOSPC or ENOMEM if there is not enough memory
  static SharedMemory create(const std::string& name, std::size_t bytes);
  /// Maps memory that another process made. @throws std::system_error
  static SharedMemory map(UniqueFd fd);

  void* data() const noexcept { return region_.get_address(); }
  std::size_t size() const noexcept { return region_.get_size(); }
  int fd() const noexcept { return fd_.get(); }
  /// Closes the descriptor; the mapping stays.
  void keep_mapping_only() noexcept { fd_.reset(); }

 private:
  SharedMemory(UniqueFd fd, boost::interprocess::mapped_region region);

  UniqueFd fd_;
  boost::interprocess::mapped_region region_;
};

/// Makes a read-only, sealed copy of a file, which no later change of the file can reach.
/// @throws std::system_error on any failure; std::length_error if the file is larger than `max_bytes`
UniqueFd sealed_copy(const std::string& path, std::size_t max_bytes);

/// @return the absolute path that a sealed_copy() was made from, or only the file's name if the path had more than
/// about 240 bytes; empty: the descriptor is no such copy. The file at that path may have been replaced since.
/// @param proc_fds  a descriptor of the folder /proc/self/fd where that path can't be reached; else -1
std::string copied_from(int fd, int proc_fds = -1);

}  // namespace prefork::ipc
