#pragma once

#include <cstdint>
#include <string>

#include <prefork/api.hpp>

namespace prefork {

/// The sealed copy of a file that Manifest::seal named: in memory, unchanging, the same for all workers of a
/// generation. Context::sealed gives it; it lives as long as the worker.
class PREFORK_API SealedFile {
 public:
  explicit SealedFile(int fd) noexcept : fd_(fd) {}

  /// Read it with pread(2) or mmap(2): workers share its offset. It stays the worker's.
  int fd() const noexcept { return fd_; }
  std::uint64_t size() const;
  /// All of it. Does not block. @throws std::system_error
  std::string text() const;

 private:
  int fd_;
};

}  // namespace prefork
