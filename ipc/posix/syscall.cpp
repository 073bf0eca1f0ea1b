#include "ipc/posix/syscall.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <vector>

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

namespace {

bool close_ranges(const int* keep, std::size_t count) noexcept {
  unsigned first = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (keep[i] < 0) continue;
    const auto kept = static_cast<unsigned>(keep[i]);
    if (kept > first && ::close_range(first, kept - 1, 0) == -1) return false;
    if (kept >= first) first = kept + 1;
  }
  return ::close_range(first, ~0U, 0) == 0;
}

}  // namespace

std::vector<int> open_descriptors() {
  DIR* const folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) throw_errno("opendir /proc/self/fd");
  std::vector<int> fds;
  while (const dirent* entry = ::readdir(folder)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && fd != ::dirfd(folder)) fds.push_back(fd);
  }
  ::closedir(folder);
  std::sort(fds.begin(), fds.end());
  return fds;
}

void close_all_except(const int* keep, std::size_t count) {
  if (close_ranges(keep, count)) return;
  const int reason = errno;
  std::vector<int> all;
  try {
    all = open_descriptors();
  } catch (const std::system_error&) {
    throw_errno(reason, "close_range");
  }
  for (const int fd : all) {
    if (!std::binary_search(keep, keep + count, fd)) ::close(fd);
  }
}

}  // namespace prefork::ipc
