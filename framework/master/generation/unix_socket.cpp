#include "framework/master/generation/unix_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

namespace prefork::master {

namespace {

constexpr auto kAnswerPatience = std::chrono::seconds(1);
constexpr auto kAnswerPause = std::chrono::milliseconds(20);

bool is_answered(int type, const sockaddr_un& address) {
  const ipc::UniqueFd probe(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.is_open()) throw UnixSocketError("socket", errno);
  const int result = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return result == 0 || errno != ECONNREFUSED;
}

// The last child of a killed master may hold the socket for a moment longer, and its workers until they notice its end.
void remove_stale(int type, const std::string& path, const sockaddr_un& address) {
  const auto deadline = std::chrono::steady_clock::now() + kAnswerPatience;
  for (;;) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == -1) return;
    if (!S_ISSOCK(status.st_mode)) throw UnixSocketError("bind", EEXIST);
    if (!is_answered(type, address)) break;
    if (std::chrono::steady_clock::now() >= deadline) throw UnixSocketError("bind", EADDRINUSE);
    std::this_thread::sleep_for(kAnswerPause);
  }
  ::unlink(path.c_str());
}

}  // namespace

UnixSocketError::UnixSocketError(std::string call, int error)
    : std::runtime_error(call + ": " + std::strerror(error)), call_(std::move(call)), error_(error) {}

FileIdentity bind_unix_socket(int fd, int type, const std::string& path, const SocketAccess& access) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw UnixSocketError("bind", ENAMETOOLONG);
  path.copy(address.sun_path, path.size());
  const FolderLock lock(path, kAnswerPatience);
  remove_stale(type, path, address);
  // The umask is the only way to give the file its mode at the instant it appears. Until it has its owner, nobody may
  // connect.
  const bool is_given = access.owner || access.group;
  const mode_t before = ::umask(static_cast<mode_t>(~(is_given ? 0 : access.mode) & 0777));
  const int result = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(before);
  if (result == -1) throw UnixSocketError("bind", error);
  const FileIdentity file = identity_of(path).value_or(FileIdentity{});
  const int refused = is_given ? give_access(path, file, access) : 0;
  if (refused == 0) return file;
  ::unlink(path.c_str());
  throw UnixSocketError("chown", refused);
}

// Whoever may write to the folder could put a link to any file in the socket's place: so the file is checked before it
// is changed, through the same descriptor. chmod(2) takes no O_PATH descriptor, but takes its name in /proc.
int give_access(const std::string& path, const FileIdentity& identity, const SocketAccess& access) noexcept {
  const ipc::UniqueFd file(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!file.is_open()) return errno;
  if (identity_of(file.get()) != identity) return ENOENT;
  constexpr auto kSame = static_cast<uid_t>(-1);
  if (access.owner || access.group) {
    const uid_t owner = access.owner.value_or(kSame);
    const gid_t group = access.group.value_or(kSame);
    if (::fchownat(file.get(), "", owner, group, AT_EMPTY_PATH) == -1) return errno;
  }
  return ::chmod(("/proc/self/fd/" + std::to_string(file.get())).c_str(), access.mode) == -1 ? errno : 0;
}

}  // namespace prefork::master
