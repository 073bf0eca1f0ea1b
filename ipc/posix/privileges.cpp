#include "ipc/posix/privileges.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <set>
#include <stdexcept>

#include "ipc/posix/syscall.hpp"

namespace prefork::ipc {

namespace {

// A name that is not found may leave many values in errno (getpwnam(3)); these mean that it could not be looked up.
void check_lookup(const std::string& call) {
  for (const int error : {EMFILE, ENFILE, ENOMEM, EIO, EINTR}) {
    if (errno == error) throw_errno(call);
  }
}

const group* find_group(const std::string& name) {
  errno = 0;
  const group* entry = ::getgrnam(name.c_str());
  if (entry == nullptr) check_lookup("getgrnam " + name);
  return entry;
}

// -1 means none to the kernel. uid_t and gid_t are the same type.
std::optional<gid_t> number_in(const std::string& text) {
  gid_t number = 0;
  const char* end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || read != end || number == static_cast<gid_t>(-1)) return std::nullopt;
  return number;
}

const passwd* find_user(const std::string& name) {
  errno = 0;
  const passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr) check_lookup("getpwnam " + name);
  const auto number = entry == nullptr ? number_in(name) : std::nullopt;
  if (!number) return entry;
  errno = 0;
  entry = ::getpwuid(*number);
  if (entry == nullptr) check_lookup("getpwuid " + name);
  return entry;
}

std::vector<gid_t> groups_of(const std::string& user, gid_t primary) {
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  errno = 0;
  while (::getgrouplist(user.c_str(), primary, groups.data(), &count) == -1) {
    if (static_cast<std::size_t>(count) <= groups.size()) throw_errno(ENOMEM, "getgrouplist " + user);
    groups.resize(static_cast<std::size_t>(count));
  }
  check_lookup("getgrouplist " + user);  // it counts whatever could not be read as no group
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

std::string written(const std::vector<gid_t>& groups) {
  std::string text;
  for (const gid_t gid : groups) text += (text.empty() ? "" : " ") + std::to_string(gid);
  return "{" + text + "}";
}

void set_groups(std::vector<gid_t> groups, const std::string& who) {
  const std::string call = "setgroups " + written(groups) + who;
  check_syscall(::setgroups(groups.size(), groups.data()), call);
  std::vector<gid_t> now(static_cast<std::size_t>(check_syscall(::getgroups(0, nullptr), "getgroups")));
  check_syscall(::getgroups(static_cast<int>(now.size()), now.data()), "getgroups");
  std::sort(groups.begin(), groups.end());
  std::sort(now.begin(), now.end());
  if (now != groups) throw_errno(EPERM, call);
}

}  // namespace

uid_t resolve_user(const std::string& user) {
  const passwd* entry = find_user(user);
  const auto number = number_in(user);
  if (entry == nullptr && !number) throw std::runtime_error("no user \"" + user + "\"");
  return entry != nullptr ? entry->pw_uid : *number;
}

gid_t resolve_group(const std::string& group) {
  const ::group* entry = find_group(group);
  const auto number = number_in(group);
  if (entry == nullptr && !number) throw std::runtime_error("no group \"" + group + "\"");
  return entry != nullptr ? entry->gr_gid : *number;
}

Identity resolve_identity(const std::optional<std::string>& user, const std::optional<std::string>& group,
                          const std::optional<std::vector<std::string>>& supplementary) {
  const bool root = ::geteuid() == 0;
  if (supplementary && !root) throw_errno(EPERM, "choose supplementary groups");
  if (!user && !root) {
    Identity own{::getuid(), ::getgid(), {}, "uid " + std::to_string(::getuid())};
    if (group && resolve_group(*group) != own.gid) throw_errno(EPERM, "change to group " + *group);
    return own;
  }
  const std::string name = user.value_or("nobody");
  const passwd* entry = find_user(name);
  const auto number = number_in(name);
  if (entry == nullptr && !number) throw std::runtime_error("no user \"" + name + "\"");
  Identity identity =
      entry != nullptr ? Identity{entry->pw_uid, entry->pw_gid, {}, name} : Identity{*number, *number, {*number}, name};
  if (entry == nullptr && !root)
    identity.gid = ::getgid();  // the group of a user who is not in the database but runs
                                // this process
  const std::string known_as = entry != nullptr ? entry->pw_name : "";
  if (group) {
    identity.gid = resolve_group(*group);
    identity.groups = {identity.gid};
  } else if (!known_as.empty()) {
    identity.groups = groups_of(known_as, identity.gid);
  }
  if (supplementary) {
    std::set<gid_t> groups;
    for (const auto& text : *supplementary) groups.insert(resolve_group(text));
    identity.groups.assign(groups.begin(), groups.end());
  }
  if (!root && (identity.uid != ::getuid() || identity.gid != ::getgid())) throw_errno(EPERM, "change to user " + name);
  return identity;
}

bool is_user(uid_t uid) {
  errno = 0;
  if (::getpwuid(uid) != nullptr) return true;
  check_lookup("getpwuid " + std::to_string(uid));
  return false;
}

void assume_identity(const Identity& identity) {
  if (::geteuid() == 0) {
    const std::string who = " for user " + identity.user;
    set_groups(identity.groups, who);
    check_syscall(::setresgid(identity.gid, identity.gid, identity.gid), "setresgid" + who);
    check_syscall(::setresuid(identity.uid, identity.uid, identity.uid), "setresuid" + who);
  }
  uid_t uids[3];
  gid_t gids[3];
  check_syscall(::getresuid(&uids[0], &uids[1], &uids[2]), "getresuid");
  check_syscall(::getresgid(&gids[0], &gids[1], &gids[2]), "getresgid");
  for (const uid_t uid : uids) {
    if (uid != identity.uid) throw_errno(EPERM, "setresuid for user " + identity.user);
  }
  for (const gid_t gid : gids) {
    if (gid != identity.gid) throw_errno(EPERM, "setresgid for user " + identity.user);
  }
  if (identity.uid != 0 && ::setresuid(0, 0, 0) == 0) throw_errno(EPERM, "drop root for user " + identity.user);
  forbid_new_privileges();
}

void forbid_new_privileges() {
  check_syscall(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl PR_SET_NO_NEW_PRIVS");
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) throw_errno(EPERM, "prctl PR_SET_NO_NEW_PRIVS");
}

}  // namespace prefork::ipc
