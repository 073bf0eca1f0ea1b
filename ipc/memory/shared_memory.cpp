#include "ipc/memory/shared_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "ipc/posix/syscall.hpp"

namespace prefork::ipc {

namespace bi = boost::interprocess;

namespace {

// For boost::interprocess::mapped_region, which maps any type that has a handle and a mode.
class MappableFd {
 public:
  explicit MappableFd(int fd) : fd_(fd) {}
  bi::mapping_handle_t get_mapping_handle() const { return {fd_, false}; }
  bi::mode_t get_mode() const { return bi::read_write; }

 private:
  int fd_;
};

constexpr std::size_t kMaxMemfdName = 249;  // memfd_create(2); shorter than a file's name may be
const std::string kCopyPrefix = "prefork:";

// The whole path, for copied_from() and /proc/PID/maps; only the file's name if there is no room for the path.
std::string name_of_copy(const std::string& path) {
  std::error_code error;
  std::string whole = std::filesystem::absolute(path, error).string();
  if (error || kCopyPrefix.size() + whole.size() > kMaxMemfdName) return path.substr(path.rfind('/') + 1);
  return whole;
}

UniqueFd create_memfd(const std::string& name) {
  const int fd = ::memfd_create(name.substr(0, kMaxMemfdName).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd == -1) throw_errno("memfd_create " + name);
  return UniqueFd(fd);
}

// A memfd has no limit of its own: the kernel would allocate until it has to kill processes for memory.
bool more_than_the_machine_has(std::size_t bytes) {
  const long pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 && bytes / static_cast<std::size_t>(page) >= static_cast<std::size_t>(pages);
}

void seal(int fd, int seals, const std::string& name) {
  if (::fcntl(fd, F_ADD_SEALS, seals) == -1) throw_errno("fcntl F_ADD_SEALS " + name);
}

}  // namespace

SharedMemory::SharedMemory(UniqueFd fd, bi::mapped_region region) : fd_(std::move(fd)), region_(std::move(region)) {}

SharedMemory SharedMemory::create(const std::string& name, std::size_t bytes) {
  UniqueFd fd = create_memfd(name);
  if (more_than_the_machine_has(bytes))
    throw_errno(ENOMEM, "allocate " + name + " of " + std::to_string(bytes) + " bytes");
  if (const int error = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(bytes)); error != 0) {
    throw_errno(error, "posix_fallocate " + name + " of " + std::to_string(bytes) + " bytes");
  }
  seal(fd.get(), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL, name);
  return map(std::move(fd));
}

SharedMemory SharedMemory::map(UniqueFd fd) {
  struct stat status {};
  check_syscall(::fstat(fd.get(), &status), "fstat shared memory");
  try {
    bi::mapped_region region(MappableFd(fd.get()), bi::read_write, 0, static_cast<std::size_t>(status.st_size));
    return SharedMemory(std::move(fd), std::move(region));
  } catch (const bi::interprocess_exception& error) {
    throw_errno(error.get_native_error(), "mmap shared memory of " + std::to_string(status.st_size) + " bytes");
  }
}

UniqueFd sealed_copy(const std::string& path, std::size_t max_bytes) {
  UniqueFd source(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!source.is_open()) throw_errno("open " + path);
  struct stat status {};
  check_syscall(::fstat(source.get(), &status), "fstat " + path);
  if (!S_ISREG(status.st_mode)) throw_errno(S_ISDIR(status.st_mode) ? EISDIR : EINVAL, "open " + path);
  if (static_cast<std::size_t>(status.st_size) > max_bytes) {
    throw std::length_error(path + " has more than " + std::to_string(max_bytes) + " bytes");
  }
  UniqueFd copy = create_memfd(kCopyPrefix + name_of_copy(path));
  for (std::size_t total = 0;;) {
    const ssize_t n = retry_eintr([&] { return ::sendfile(copy.get(), source.get(), nullptr, 1 << 20); });
    if (n == -1) throw_errno("copy " + path);
    if (n == 0) break;
    total += static_cast<std::size_t>(n);
    if (total > max_bytes) throw std::length_error(path + " grows while it is read");
  }
  seal(copy.get(), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL, path);
  return copy;
}

std::string copied_from(int fd, int proc_fds) {
  std::array<char, PATH_MAX> target;
  const std::string number = std::to_string(fd);
  const ssize_t n = proc_fds >= 0 ? ::readlinkat(proc_fds, number.c_str(), target.data(), target.size())
                                  : ::readlink(("/proc/self/fd/" + number).c_str(), target.data(), target.size());
  std::string_view name(target.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
  for (const std::string& before : {std::string("/memfd:"), kCopyPrefix}) {
    if (!name.starts_with(before)) return {};
    name.remove_prefix(before.size());
  }
  constexpr std::string_view kDeleted = " (deleted)";
  if (name.ends_with(kDeleted)) name.remove_suffix(kDeleted.size());
  return std::string(name);
}

}  // namespace prefork::ipc
