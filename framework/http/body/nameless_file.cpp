#include "framework/http/body/nameless_file.hpp"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "ipc/posix/syscall.hpp"

namespace prefork::http {
namespace {

using Existing = UploadedFile::Existing;
using ipc::UniqueFd;

enum class Placed : std::uint8_t { yes, taken, impossible };

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// @return nullopt: the file system has no O_TMPFILE
std::optional<UniqueFd> try_nameless(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0) return UniqueFd(fd);
  if (errno == EOPNOTSUPP || errno == EISDIR) return std::nullopt;
  ipc::throw_errno("open O_TMPFILE " + directory);
}

/// A file with a name in a folder, which the destructor removes unless it was moved away.
class NamedFile {
 public:
  explicit NamedFile(const std::string& directory) : path_(directory + "/.upload-XXXXXX") {
    fd_.reset(ipc::check_syscall(::mkostemp(path_.data(), O_CLOEXEC), "mkostemp " + path_));
  }
  NamedFile(const NamedFile&) = delete;
  NamedFile& operator=(const NamedFile&) = delete;
  ~NamedFile() { remove(); }

  int fd() const noexcept { return fd_.get(); }
  const std::string& path() const noexcept { return path_; }
  void forget() noexcept { path_.clear(); }
  UniqueFd take_nameless() && {
    remove();
    return std::move(fd_);
  }

 private:
  void remove() noexcept {
    if (!path_.empty()) ::unlink(path_.c_str());
    path_.clear();
  }
  std::string path_;
  UniqueFd fd_;
};

void copy_bytes(int from, int to, std::uint64_t bytes) {
  off_t offset = 0;
  while (static_cast<std::uint64_t>(offset) < bytes) {
    const ssize_t copied = ::sendfile(to, from, &offset, bytes - static_cast<std::uint64_t>(offset));
    if (copied < 0 && errno != EINTR) ipc::throw_errno("sendfile");
    // Somebody has truncated the file: the rest is gone.
    if (copied == 0) ipc::throw_errno(EIO, "sendfile");
  }
}

void sync_file(int fd) { ipc::check_syscall(::fsync(fd), "fsync"); }

void sync_folder(const std::string& path) {
  const std::string folder = folder_of(path);
  const UniqueFd fd(ipc::check_syscall(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open " + folder));
  sync_file(fd.get());
}

int link_open_file(int fd, const std::string& path) noexcept {
  char source[32];
  std::snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
  return ::linkat(AT_FDCWD, source, AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW);
}

/// The result of a linkat: impossible on another file system, for a file that was unlinked, without /proc.
Placed outcome_of_link(int result, const std::string& path) {
  if (result == 0) return Placed::yes;
  if (errno == EEXIST) return Placed::taken;
  if (errno == EXDEV || errno == ENOENT || errno == EPERM || errno == EOPNOTSUPP) return Placed::impossible;
  ipc::throw_errno("linkat " + path);
}

Placed place_over(int fd, const std::string& path) {
  // link(2) replaces nothing: so first a name that nobody has, then rename(2).
  std::string unused;
  {
    NamedFile probe(folder_of(path));
    unused = probe.path();
  }
  const Placed placed = outcome_of_link(link_open_file(fd, unused), unused);
  if (placed != Placed::yes) return Placed::impossible;
  if (::rename(unused.c_str(), path.c_str()) == 0) return Placed::yes;
  const int error = errno;
  ::unlink(unused.c_str());
  ipc::throw_errno(error, "rename " + path);
}

Placed place(int fd, const std::string& path, Existing existing) {
  if (existing == Existing::replace) return place_over(fd, path);
  return outcome_of_link(link_open_file(fd, path), path);
}

bool move_new(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno == EEXIST) return false;
  // NFS and some others do not support RENAME_NOREPLACE.
  if (errno == EINVAL && ::link(from.c_str(), to.c_str()) == 0) {
    ::unlink(from.c_str());
    return true;
  }
  if (errno == EEXIST) return false;
  ipc::throw_errno("renameat2 " + to);
}

}  // namespace

UniqueFd make_nameless_file(const std::string& directory) {
  if (auto fd = try_nameless(directory)) return std::move(*fd);
  return NamedFile(directory).take_nameless();
}

bool save_named_copy(int fd, std::uint64_t bytes, const std::string& path, Existing existing) {
  NamedFile copy(folder_of(path));
  copy_bytes(fd, copy.fd(), bytes);
  sync_file(copy.fd());
  if (existing == Existing::keep) {
    if (!move_new(copy.path(), path)) return false;
  } else {
    ipc::check_syscall(::rename(copy.path().c_str(), path.c_str()), "rename " + path);
  }
  copy.forget();
  sync_folder(path);
  return true;
}

bool save_file(int fd, std::uint64_t bytes, const std::string& path, Existing existing) {
  sync_file(fd);
  Placed placed = place(fd, path, existing);
  if (placed == Placed::impossible) {
    if (const auto copy = try_nameless(folder_of(path))) {
      copy_bytes(fd, copy->get(), bytes);
      sync_file(copy->get());
      placed = place(copy->get(), path, existing);
    }
  }
  if (placed == Placed::impossible) return save_named_copy(fd, bytes, path, existing);
  if (placed == Placed::yes) sync_folder(path);
  return placed == Placed::yes;
}

}  // namespace prefork::http
