#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "ipc/posix/syscall.hpp"
#include "ipc/posix/unique_fd.hpp"

/// Helpers for tests of processes and descriptors.
namespace prefork::test {

/// Long enough for a loaded machine; only a failing test reaches it.
constexpr int kPatienceMs = 30'000;

inline bool wait_for(int fd, short events, int limit_ms = kPatienceMs) {
  pollfd waiting{fd, events, 0};
  return ipc::retry_eintr([&] { return ::poll(&waiting, 1, limit_ms); }) == 1;
}
inline bool readable_now(int fd) { return wait_for(fd, POLLIN, 0); }

/// Waits for a child's end. @return its wait status
inline int reap(pid_t child) {
  int status = -1;
  ipc::retry_eintr([&] { return ::waitpid(child, &status, 0); });
  return status;
}

/// Runs `body` in a forked child. @return what the body returned or threw, as text; empty: success. A child that exits
/// by itself or dies by a signal gives its wait status.
template <class Body>
std::string in_child(Body body) {
  int ends[2];
  ipc::check_syscall(::pipe2(ends, O_CLOEXEC), "pipe2");
  const pid_t child = ipc::check_syscall(::fork(), "fork");
  if (child == 0) {
    std::string text;
    try {
      text = body();
    } catch (const std::exception& error) {
      text = std::string("threw ") + error.what();
    }
    ipc::write_all(ends[1], text, "pipe of the child");
    ::_exit(0);
  }
  ::close(ends[1]);
  ipc::UniqueFd read_end(ends[0]);
  const std::string text = ipc::read_all(read_end.get(), 1 << 20, "pipe of the child");
  const int status = reap(child);
  return status == 0 ? text : text + " (wait status " + std::to_string(status) + ")";
}

/// The open descriptors of the calling process.
inline std::set<int> open_descriptors() {
  std::set<int> open;
  DIR* folder = ::opendir("/proc/self/fd");
  const int own = ::dirfd(folder);
  while (const dirent* entry = ::readdir(folder)) {
    if (entry->d_name[0] != '.' && std::stoi(entry->d_name) != own) open.insert(std::stoi(entry->d_name));
  }
  ::closedir(folder);
  return open;
}

class TempFolder {
 public:
  TempFolder() {
    char name[] = "/tmp/prefork-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) ipc::throw_errno("mkdtemp");
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// What `call` throws, as text; empty: nothing.
template <class Call>
std::string thrown_by(Call call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

}  // namespace prefork::test
