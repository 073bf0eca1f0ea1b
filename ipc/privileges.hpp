#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace prefork::ipc {

/// Who a process runs as.
struct Identity {
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;  ///< supplementary
  std::string user;           ///< for messages
};

/// Looks names up in the user database: the user's own groups, or only `group` where it is given.
/// nullopt user: the caller's identity, or nobody where the caller is root.
/// Process: master. May block (name services). @throws std::runtime_error: no such user or group;
/// std::system_error EPERM where the caller is not root and may not become that user.
Identity resolve_identity(const std::optional<std::string>& user, const std::optional<std::string>& group);

/// Becomes `identity` for good, proves that there is no way back, and sets no_new_privs.
/// Process: a freshly forked child. @throws std::system_error.
/// Source: setgroups(2), setresgid(2), setresuid(2), PR_SET_NO_NEW_PRIVS.
void assume_identity(const Identity& identity);

}  // namespace prefork::ipc
