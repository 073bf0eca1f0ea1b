#include "ipc/syscall.hpp"

#include <unistd.h>

#include <stdexcept>
#include <system_error>

namespace prefork::ipc {

void throw_errno(std::string_view call) { throw_errno(errno, call); }

void throw_errno(int error, std::string_view call) {
  throw std::system_error(error, std::generic_category(), std::string(call));
}

void write_all(int fd, std::string_view bytes, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t n = retry_eintr([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (n == -1) throw_errno("write " + std::string(what));
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string read_all(int fd, std::size_t max_bytes, std::string_view what) {
  std::string all;
  char chunk[16384];
  for (;;) {
    const ssize_t n = retry_eintr([&] { return ::read(fd, chunk, sizeof chunk); });
    if (n == -1) throw_errno("read " + std::string(what));
    if (n == 0) return all;
    if (all.size() + static_cast<std::size_t>(n) > max_bytes) {
      throw std::length_error(std::string(what) + " has more than " + std::to_string(max_bytes) + " bytes");
    }
    all.append(chunk, static_cast<std::size_t>(n));
  }
}

void close_all_except(const int* keep, std::size_t count) noexcept {
  unsigned first = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (keep[i] < 0) continue;
    const auto kept = static_cast<unsigned>(keep[i]);
    if (kept > first) ::close_range(first, kept - 1, 0);
    if (kept >= first) first = kept + 1;
  }
  ::close_range(first, ~0U, 0);
}

}  // namespace prefork::ipc
