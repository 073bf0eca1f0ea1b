#pragma once

#include <sys/types.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "framework/master/generation/file_identity.hpp"

namespace prefork::master {

/// Who owns the file of a unix socket, and who may connect.
struct SocketAccess {
  mode_t mode = 0660;
  std::optional<uid_t> owner{};  ///< unset: the master's user
  std::optional<gid_t> group{};
};

/// A unix socket could not be bound: the call and its errno. EADDRINUSE of bind: a server answers there.
class UnixSocketError : public std::runtime_error {
 public:
  UnixSocketError(std::string call, int error);
  const std::string& call() const noexcept { return call_; }
  int error() const noexcept { return error_; }

 private:
  std::string call_;
  int error_;
};

/// Binds a stream or datagram socket to a file that it makes. A file of a killed master at which nobody answers is
/// replaced; meanwhile another master that does the same is kept out. Processes that still hold the socket of a killed
/// master get a second to release it. @return the file. @throws UnixSocketError
FileIdentity bind_unix_socket(int fd, int type, const std::string& path, const SocketAccess& access);

/// Gives access to that file, never to another one in its place. @return errno; zero: done
int give_access(const std::string& path, const FileIdentity& identity, const SocketAccess& access) noexcept;

}  // namespace prefork::master
