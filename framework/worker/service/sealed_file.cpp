#include <prefork/sealed.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include "ipc/posix/syscall.hpp"

namespace prefork {

std::uint64_t SealedFile::size() const {
  struct stat status {};
  ipc::check_syscall(::fstat(fd_, &status), "fstat of a sealed file");
  return static_cast<std::uint64_t>(status.st_size);
}

std::string SealedFile::text() const {
  std::string bytes(size(), '\0');
  for (std::size_t have = 0; have < bytes.size();) {
    const ssize_t n = ipc::retry_eintr(
        [&] { return ::pread(fd_, bytes.data() + have, bytes.size() - have, static_cast<off_t>(have)); });
    ipc::check_syscall(n, "pread of a sealed file");
    have += static_cast<std::size_t>(n);
  }
  return bytes;
}

}  // namespace prefork
