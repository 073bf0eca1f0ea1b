#include "services/static/root.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace services::static_files {
namespace {

using prefork::http::FileHandle;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

std::int64_t nanoseconds(const timespec& time) noexcept {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

FileStamp stamp_of(const struct stat& status) noexcept {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size), nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim)};
}

std::optional<FileKind> kind_of(const struct stat& status) noexcept {
  if (S_ISREG(status.st_mode)) return FileKind::regular;
  if (S_ISDIR(status.st_mode)) return FileKind::folder;
  return std::nullopt;
}

/// @throws std::system_error if the disk is at fault
Miss miss_of(int error, const std::string& path) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EXDEV:  // it leads out of the root
      return Miss::absent;
    case EACCES:
    case EPERM:
    case ENXIO:  // a socket, or a device without a driver
    case ENODEV:
      return Miss::forbidden;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:  // there were renames all the time
      return Miss::busy;
    default:
      fail(error, "openat2 " + path);
  }
}

}  // namespace

Root::Root(const std::string& path, bool follow_links)
    : resolve_(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (follow_links ? 0U : RESOLVE_NO_SYMLINKS)) {
  const int fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd == -1) fail(errno, "root: open " + path);
  folder_ = std::make_shared<const FileHandle>(fd);
  const int probe = open_beneath("", O_PATH);
  if (probe == -1) fail(errno, "root: openat2 " + path);
  ::close(probe);
}

int Root::open_beneath(const std::string& path, std::uint64_t flags) const {
  open_how how{};
  // Opening a FIFO must not wait for its other end, nor a terminal become ours.
  how.flags = flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  if ((flags & O_PATH) != 0) how.flags = flags | O_CLOEXEC;
  how.resolve = resolve_;
  constexpr int kTries = 16;
  for (int i = 0;; ++i) {
    const long fd = ::syscall(SYS_openat2, folder_->fd(), path.empty() ? "." : path.c_str(), &how, sizeof how);
    // EAGAIN: something was renamed, and the kernel can't tell that the path stayed within the root.
    if (fd != -1 || (errno != EAGAIN && errno != EINTR) || i == kTries) return static_cast<int>(fd);
  }
}

std::variant<Found, Miss> Root::open(const std::string& path) const {
  const int fd = open_beneath(path, O_RDONLY);
  if (fd == -1) return miss_of(errno, path);
  Found found{std::make_shared<const FileHandle>(fd), {}, FileKind::regular};
  struct stat status;
  if (::fstat(fd, &status) == -1) fail(errno, "fstat " + path);
  const auto kind = kind_of(status);
  if (!kind) return Miss::forbidden;
  found.kind = *kind;
  found.stamp = stamp_of(status);
  return found;
}

std::optional<FileStamp> Root::stamp(const std::string& path) const {
  const int fd = open_beneath(path, O_PATH);
  if (fd == -1) return std::nullopt;
  const FileHandle handle(fd);
  struct stat status;
  if (::fstat(fd, &status) == -1 || kind_of(status) != FileKind::regular) return std::nullopt;
  return stamp_of(status);
}

std::optional<FileKind> Root::kind(const std::string& path) const {
  const int fd = open_beneath(path, O_PATH);
  if (fd == -1) return std::nullopt;
  const FileHandle handle(fd);
  struct stat status;
  if (::fstat(fd, &status) == -1) return std::nullopt;
  return kind_of(status);
}

}  // namespace services::static_files
