#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace prefork::ipc {

/// The identity that a process runs under.
struct Identity {
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;  ///< supplementary
  std::string user;           ///< for messages
};

/// Looks names up in the user database: the user's own groups, or only `group` if it is given; `supplementary` replaces
/// the supplementary groups of both. Each name may be a number, unless it is somebody's name. If no group is given, a
/// user that is in no database has the group of the same number. nullopt as `user`: the caller's identity, or nobody if
/// the caller is root. Process: master. May block (name services). @throws std::runtime_error: no such user or group;
/// std::system_error EPERM if the caller is not root and may not become that user or choose groups
Identity resolve_identity(const std::optional<std::string>& user, const std::optional<std::string>& group,
                          const std::optional<std::vector<std::string>>& supplementary = std::nullopt);

/// Resolve one user and one group. Process: master. May block. @throws as resolve_identity()
uid_t resolve_user(const std::string& user);
gid_t resolve_group(const std::string& group);
/// Whether the user database has a user with this id. Process: master. May block (name services).
/// @throws std::system_error if it can't be read
bool is_user(uid_t uid);

/// Becomes `identity` for good, checks that it did and that there is no way back, and sets no_new_privs. Only root can
/// change groups: others keep theirs, which resolve_identity() has not promised to change. Process: a freshly forked
/// child. @throws std::system_error. Source: setgroups(2), setresgid(2), setresuid(2), PR_SET_NO_NEW_PRIVS.
void assume_identity(const Identity& identity);

/// Makes sure for good that no exec can gain privileges (set-user-ID files), and checks it.
/// @throws std::system_error. Source: PR_SET_NO_NEW_PRIVS.
void forbid_new_privileges();

}  // namespace prefork::ipc
