#include "ipc/posix/resident_memory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <string>
#include <string_view>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::ipc {

// The second number, in pages.
std::uint64_t resident_bytes_of(int statm) noexcept {
  char text[128];
  const ssize_t n = ::pread(statm, text, sizeof text, 0);
  if (n <= 0) return 0;
  const std::string_view line(text, static_cast<std::size_t>(n));
  const auto blank = line.find(' ');
  if (blank == std::string_view::npos) return 0;
  std::uint64_t pages = 0;
  std::from_chars(line.data() + blank + 1, line.data() + line.size(), pages);
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t resident_bytes(pid_t pid) {
  const UniqueFd statm(::open(("/proc/" + std::to_string(pid) + "/statm").c_str(), O_RDONLY | O_CLOEXEC));
  return statm.is_open() ? resident_bytes_of(statm.get()) : 0;
}

}  // namespace prefork::ipc
