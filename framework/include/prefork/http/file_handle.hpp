#pragma once

#include <memory>
#include <utility>

#include <prefork/api.hpp>

namespace prefork::http {

/// An open regular file of which responses send parts. The responses under way share it, and the last one closes it.
class PREFORK_API FileHandle {
 public:
  /// Takes over the descriptor, which must belong to a regular file that is open for reading, and be close-on-exec.
  explicit FileHandle(int fd) noexcept : fd_(fd) {}
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  ~FileHandle();

  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

using SharedFile = std::shared_ptr<const FileHandle>;

}  // namespace prefork::http
