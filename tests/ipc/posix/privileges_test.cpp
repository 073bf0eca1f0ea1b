#include "ipc/posix/privileges.hpp"

#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <vector>

#include "tests/ipc/posix/refused_call.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::ipc {
namespace {

using test::in_child;
using test::thrown_by;

#define NEEDS_ROOT() \
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else"

const passwd& nobody() { return *::getpwnam("nobody"); }

std::string become_nobody() {
  return ::setgroups(0, nullptr) == 0 && ::setresgid(65534, 65534, 65534) == 0 && ::setresuid(65534, 65534, 65534) == 0
             ? ""
             : "could not become nobody";
}

TEST(ResolveIdentity, WhatCantBeLookedUpIsNotTakenForMissing) {
  NEEDS_ROOT();
  EXPECT_EQ(in_child([] {
              test::refuse_call(SYS_openat, EMFILE);
              return thrown_by([] { resolve_identity("nobody", std::nullopt); });
            }),
            "getpwnam nobody: Too many open files");
}

TEST(ResolveIdentity, RootWithoutAUserIsNobody) {
  NEEDS_ROOT();
  const Identity identity = resolve_identity(std::nullopt, std::nullopt);
  EXPECT_EQ(identity.uid, nobody().pw_uid);
  EXPECT_EQ(identity.gid, nobody().pw_gid);
  EXPECT_EQ(identity.user, "nobody");
}

TEST(ResolveIdentity, GroupsAreTheUsersOrTheOneGiven) {
  NEEDS_ROOT();
  const Identity daemon = resolve_identity("daemon", std::nullopt);
  EXPECT_NE(std::find(daemon.groups.begin(), daemon.groups.end(), daemon.gid), daemon.groups.end());
  const Identity grouped = resolve_identity("daemon", "tty");
  EXPECT_EQ(grouped.gid, ::getgrnam("tty")->gr_gid);
  EXPECT_EQ(grouped.groups, std::vector<gid_t>{grouped.gid});
  EXPECT_EQ(grouped.uid, daemon.uid);
}

TEST(ResolveIdentity, SupplementaryGroupsAreWhatIsListed) {
  NEEDS_ROOT();
  using Names = std::vector<std::string>;
  const gid_t tty = ::getgrnam("tty")->gr_gid;
  const Identity daemon = resolve_identity("daemon", std::nullopt, Names{"54321", "tty", "tty"});
  EXPECT_EQ(daemon.groups, (std::vector<gid_t>{tty, 54321}));
  EXPECT_EQ(daemon.gid, ::getpwnam("daemon")->pw_gid);
  EXPECT_TRUE(resolve_identity("daemon", std::nullopt, Names{}).groups.empty());
  EXPECT_TRUE(resolve_identity(std::nullopt, "tty", Names{}).groups.empty());
  for (const std::string name : {"no-such-group-x", "4294967295", "4294967296", "-1", "1x"}) {
    EXPECT_EQ(thrown_by([&] { resolve_identity("daemon", std::nullopt, Names{name}); }), "no group \"" + name + "\"");
  }
}

TEST(ResolveIdentity, UsersAndGroupsMayBeNumbers) {
  NEEDS_ROOT();
  const Identity daemon = resolve_identity("daemon", std::nullopt);
  const Identity same = resolve_identity(std::to_string(daemon.uid), std::nullopt);
  EXPECT_EQ(same.uid, daemon.uid);
  EXPECT_EQ(same.gid, daemon.gid);
  EXPECT_EQ(same.groups, daemon.groups) << "a number that is somebody's has his groups";
  ASSERT_EQ(::getpwuid(54321), nullptr);
  const Identity nobodys = resolve_identity("54321", std::nullopt);
  EXPECT_EQ(nobodys.uid, 54321U);
  EXPECT_EQ(nobodys.gid, 54321U);
  EXPECT_EQ(nobodys.groups, std::vector<gid_t>{54321});
  EXPECT_EQ(nobodys.user, "54321");
  const Identity grouped = resolve_identity("54321", "54322");
  EXPECT_EQ(grouped.gid, 54322U);
  EXPECT_EQ(grouped.groups, std::vector<gid_t>{54322});
  EXPECT_EQ(resolve_user("54321"), 54321U);
  EXPECT_EQ(resolve_user("daemon"), daemon.uid);
  EXPECT_EQ(resolve_group("tty"), ::getgrnam("tty")->gr_gid);
  for (const std::string name : {"4294967295", "4294967296", "-1", "1x", "1 "}) {
    EXPECT_EQ(thrown_by([&] { resolve_identity(name, std::nullopt); }), "no user \"" + name + "\"");
    EXPECT_EQ(thrown_by([&] { resolve_user(name); }), "no user \"" + name + "\"");
    EXPECT_EQ(thrown_by([&] { resolve_identity("daemon", name); }), "no group \"" + name + "\"");
  }
  EXPECT_EQ(in_child([&] {
              assume_identity(nobodys);
              const Identity own = resolve_identity("54321", std::nullopt);
              return own.uid == 54321 && own.gid == 54321 ? std::string() : std::string("not the own identity");
            }),
            "");
}

TEST(ResolveIdentity, UnknownNamesAreNamed) {
  EXPECT_EQ(thrown_by([] { resolve_identity("no-such-user-x", std::nullopt); }), "no user \"no-such-user-x\"");
  EXPECT_EQ(thrown_by([] { resolve_identity(std::nullopt, "no-such-group-x"); }), "no group \"no-such-group-x\"");
}

TEST(ResolveIdentity, OthersThanRootStayWhoTheyAre) {
  NEEDS_ROOT();
  EXPECT_EQ(in_child([] {
              if (const auto failure = become_nobody(); !failure.empty()) return failure;
              const Identity own = resolve_identity(std::nullopt, std::nullopt);
              if (own.uid != 65534 || own.gid != 65534) return std::string("not the own identity");
              assume_identity(own);
              if (resolve_identity("nobody", std::nullopt).uid != 65534) return std::string("own name refused");
              return std::string();
            }),
            "");
}

TEST(ResolveIdentity, OthersThanRootMayNotBecomeSomebodyElse) {
  NEEDS_ROOT();
  for (const std::string user : {"root", "daemon"}) {
    EXPECT_EQ(in_child([&]() -> std::string {
                if (const auto failure = become_nobody(); !failure.empty()) return failure;
                try {
                  resolve_identity(user, std::nullopt);
                  return "no error";
                } catch (const std::system_error& error) {
                  return error.code() == std::errc::operation_not_permitted ? error.what() : "another error";
                }
              }),
              "change to user " + user + ": Operation not permitted");
  }
  EXPECT_EQ(in_child([]() -> std::string {
              if (const auto failure = become_nobody(); !failure.empty()) return failure;
              return thrown_by([] { resolve_identity(std::nullopt, "tty"); });
            }),
            "change to group tty: Operation not permitted");
  EXPECT_EQ(in_child([]() -> std::string {
              if (const auto failure = become_nobody(); !failure.empty()) return failure;
              return thrown_by([] { resolve_identity(std::nullopt, std::nullopt, std::vector<std::string>{}); });
            }),
            "choose supplementary groups: Operation not permitted");
}

// Goal: what the worker becomes it stays, in every one of its ids, without root's groups.
TEST(AssumeIdentity, DropsRootForGood) {
  NEEDS_ROOT();
  const Identity identity = resolve_identity(std::nullopt, std::nullopt);
  EXPECT_EQ(in_child([&]() -> std::string {
              const gid_t extra[] = {0, 5, 42};
              if (::setgroups(3, extra) != 0) return "setgroups failed";
              assume_identity(identity);
              uid_t uids[3];
              gid_t gids[3];
              ::getresuid(&uids[0], &uids[1], &uids[2]);
              ::getresgid(&gids[0], &gids[1], &gids[2]);
              for (const auto uid : uids) {
                if (uid != identity.uid) return "a uid is left";
              }
              for (const auto gid : gids) {
                if (gid != identity.gid) return "a gid is left";
              }
              std::vector<gid_t> groups(64);
              const int count = ::getgroups(64, groups.data());
              groups.resize(static_cast<std::size_t>(std::max(count, 0)));
              if (groups != identity.groups) return "root's groups are left";
              if (::setuid(0) == 0 || ::seteuid(0) == 0 || ::setresuid(0, 0, 0) == 0) return "root again";
              if (::setgid(0) == 0 || ::setgroups(3, extra) == 0) return "root's groups again";
              if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) return "no_new_privs is not set";
              if (::access("/etc/shadow", R_OK) == 0) return "reads root's files";
              return "";
            }),
            "");
}

TEST(AssumeIdentity, FailsWhereTheKernelRefuses) {
  NEEDS_ROOT();
  const Identity daemon = resolve_identity("daemon", std::nullopt);
  EXPECT_EQ(in_child([&]() -> std::string {
              if (const auto failure = become_nobody(); !failure.empty()) return failure;
              return thrown_by([&] { assume_identity(daemon); });
            }),
            "setresuid for user daemon: Operation not permitted");
}

}  // namespace
}  // namespace prefork::ipc
