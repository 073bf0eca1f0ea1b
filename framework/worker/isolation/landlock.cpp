#include "framework/worker/isolation/landlock.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "ipc/posix/privileges.hpp"
#include "ipc/posix/syscall.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::worker {

namespace {

// Newer than the oldest headers that we build with.
constexpr std::uint64_t kTruncate = 1ULL << 14;
constexpr std::uint64_t kIoctlDev = 1ULL << 15;

// Whoever may read a program can run it through the dynamic linker, so execution is no separate right.
constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
// The rights that make sense for anything but a folder; the kernel refuses the others for it.
constexpr std::uint64_t kOfFiles =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | kTruncate | kIoctlDev;

bool same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

struct stat status_of_root() {
  struct stat status {};
  ipc::check_syscall(::stat("/", &status), "stat /");
  return status;
}

/// A set of rules that is not in force yet.
class Ruleset {
 public:
  explicit Ruleset(std::uint64_t rights) : rights_(rights), root_(status_of_root()) {
    const landlock_ruleset_attr attributes{rights};
    fd_.reset(static_cast<int>(ipc::check_syscall(
        ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0U), "landlock_create_ruleset")));
  }

  void allow(const std::string& path, std::uint64_t rights, const std::string& key) {
    const ipc::UniqueFd file(
        ipc::check_syscall(::open(path.c_str(), O_PATH | O_CLOEXEC), "open " + path + " for " + key));
    struct stat status {};
    ipc::check_syscall(::fstat(file.get(), &status), "fstat " + path);
    if (same_file(status, root_)) {
      if ((rights & LANDLOCK_ACCESS_FS_WRITE_FILE) != 0) {
        throw std::runtime_error(key + " = " + path + " is the root: nothing would be refused");
      }
      whole_tree_readable_ = true;
    }
    landlock_path_beneath_attr rule{};
    rule.allowed_access = rights & rights_ & (S_ISDIR(status.st_mode) ? ~0ULL : kOfFiles);
    rule.parent_fd = file.get();
    ipc::check_syscall(::syscall(SYS_landlock_add_rule, fd_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0U),
                       "landlock_add_rule " + path);
  }

  void enforce() const {
    ipc::check_syscall(::syscall(SYS_landlock_restrict_self, fd_.get(), 0U), "landlock_restrict_self");
  }

  bool whole_tree_readable() const noexcept { return whole_tree_readable_; }

 private:
  std::uint64_t rights_;
  struct stat root_;
  ipc::UniqueFd fd_;
  bool whole_tree_readable_ = false;
};

// No rule allows writing to the root folder, nor usually listing it, which otherwise everybody may. As root, the probe
// makes a nameless file; it leaves no trace if that succeeds.
void probe(bool whole_tree_readable) {
  const ipc::UniqueFd made(::open("/", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (made.get() >= 0) throw std::runtime_error("landlock_restrict_self has no effect: a file in / could be made");
  if (whole_tree_readable) return;
  const ipc::UniqueFd root(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root.get() >= 0) throw std::runtime_error("landlock_restrict_self has no effect: / could be opened");
  if (errno != EACCES) ipc::throw_errno("open / to try landlock");
}

}  // namespace

int landlock_abi() noexcept {
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0}, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

std::uint64_t landlock_rights(int abi) noexcept {
  if (abi < 1) return 0;
  std::uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kIoctlDev;
  return rights;
}

void restrict_files(const LandlockPaths& paths) {
  const int abi = landlock_abi();
  if (abi == 0) {
    throw std::runtime_error(
        "landlock-read and landlock-write can't be enforced: this kernel has no Landlock, or it is switched off");
  }
  Ruleset rules(landlock_rights(abi));
  for (const auto& path : paths.readable) rules.allow(path, kRead, "landlock-read");
  for (const auto& path : paths.writable) rules.allow(path, landlock_rights(abi), "landlock-write");
  ipc::forbid_new_privileges();
  rules.enforce();
  probe(rules.whole_tree_readable());
}

}  // namespace prefork::worker
