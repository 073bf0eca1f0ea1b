#include "framework/master/generation/file_identity.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace prefork::master {

namespace {

constexpr std::chrono::milliseconds kRemovalPatience{100};
constexpr auto kPause = std::chrono::milliseconds(5);

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

std::optional<FileIdentity> identity_of(const std::string& path) noexcept {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == -1) return std::nullopt;
  return FileIdentity{status.st_dev, status.st_ino};
}

std::optional<FileIdentity> identity_of(int fd) noexcept {
  struct stat status {};
  if (::fstat(fd, &status) == -1) return std::nullopt;
  return FileIdentity{status.st_dev, status.st_ino};
}

FolderLock::FolderLock(const std::string& path, std::chrono::milliseconds patience)
    : folder_(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (!folder_.is_open()) return;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(folder_.get(), LOCK_EX | LOCK_NB) == -1) {
    if ((errno != EWOULDBLOCK && errno != EINTR) || std::chrono::steady_clock::now() >= deadline) return;
    std::this_thread::sleep_for(kPause);
  }
}

void remove_own(const std::string& path, const FileIdentity& identity) noexcept {
  const FolderLock lock(path, kRemovalPatience);
  if (identity_of(path) == identity) ::unlink(path.c_str());
}

}  // namespace prefork::master
