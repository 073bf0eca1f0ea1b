// Goal: workers never have more rights than their pool's user.
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

constexpr const char* kService = "[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n";

std::string four(uid_t id) {
  const std::string one = std::to_string(id);
  return one + "\t" + one + "\t" + one + "\t" + one;
}

void expect_user(pid_t worker, const passwd& user, const std::string& groups) {
  EXPECT_EQ(proc_status(worker, "Uid"), four(user.pw_uid));
  EXPECT_EQ(proc_status(worker, "Gid"), four(user.pw_gid));
  EXPECT_EQ(proc_status(worker, "Groups"), groups);
  EXPECT_EQ(proc_status(worker, "NoNewPrivs"), "1");
  EXPECT_EQ(proc_status(worker, "CapEff"), "0000000000000000");
  EXPECT_EQ(proc_status(worker, "CapPrm"), "0000000000000000");
}

TEST(Privileges, RootWithoutAUserMakesWorkersOfNobody) {
  SKIP_UNLESS_ROOT();
  Server server(std::string("[pool main]\nworkers = 2\n") + kService);
  server.ready(2);
  const passwd nobody = *::getpwnam("nobody");
  for (const pid_t worker : server.workers()) expect_user(worker, nobody, std::to_string(nobody.pw_gid));
  EXPECT_EQ(server.pool()["user"], "nobody");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Privileges, EachPoolHasItsUser) {
  SKIP_UNLESS_ROOT();
  if (::getpwnam("www-data") == nullptr || ::getpwnam("daemon") == nullptr) GTEST_SKIP() << "no such users";
  Server server(
      std::string(
          "[pool main]\nworkers = 1\nuser = www-data\n[pool d]\nworkers = 1\nuser = daemon\ngroup = nogroup\n") +
      kService + "[service echo]\nplugin = echo\npool = d\nlisten = tcp://127.0.0.1:0\n");
  server.ready(2);
  const passwd data = *::getpwnam("www-data");
  expect_user(server.workers("main").front(), data, std::to_string(data.pw_gid));
  passwd daemon = *::getpwnam("daemon");
  daemon.pw_gid = ::getpwnam("nobody")->pw_gid;
  expect_user(server.workers("d").front(), daemon, std::to_string(daemon.pw_gid));
  ASSERT_EQ(::kill(server.workers("d").front(), SIGKILL), 0);
  EXPECT_TRUE(server.logged("killed by SIGKILL"));
  server.ready(2);
  expect_user(server.workers("d").front(), daemon, std::to_string(daemon.pw_gid));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Privileges, AUserOfItsOwnForEachPoolThatAsksForIt) {
  SKIP_UNLESS_ROOT();
  const std::string more = "[service echo]\nplugin = echo\npool = d\nlisten = tcp://127.0.0.1:0\n";
  const std::string pools = "[pool main]\nworkers = 1\nuser = auto\n[pool d]\nworkers = 1\nuser = auto\n";
  Server server(pools + kService + more, {.master = "auto-users = 700000-700099"});
  server.ready(2);
  std::map<std::string, std::string> ids;
  const auto look = [&](const std::string& pool) {
    const pid_t worker = server.workers(pool).front();
    const std::string uid = proc_status(worker, "Uid");
    EXPECT_EQ(proc_status(worker, "Gid"), uid);
    EXPECT_EQ(proc_status(worker, "Groups"), "");
    EXPECT_EQ(proc_status(worker, "CapEff"), "0000000000000000");
    const std::string id = uid.substr(0, uid.find('\t'));
    EXPECT_EQ(server.pool(pool)["user"], "auto (" + id + ")");
    EXPECT_EQ(id.substr(0, 4), "7000");
    return id;
  };
  for (const char* pool : {"main", "d"}) ids[pool] = look(pool);
  EXPECT_NE(ids["main"], ids["d"]);
  server.configure("[pool a]\nworkers = 1\nuser = auto\n" + pools + kService + more +
                   "[service more]\nplugin = echo\npool = a\nlisten = tcp://127.0.0.1:0\n");
  EXPECT_EQ(server.ctl({"reload"}).code, 0);
  server.ready(3);
  EXPECT_EQ(server.ctl({"upgrade"}).code, 0);
  ASSERT_EQ(::kill(server.workers("d").front(), SIGKILL), 0);
  EXPECT_TRUE(server.logged("killed by SIGKILL"));
  server.ready(3);
  for (const char* pool : {"main", "d"}) EXPECT_EQ(look(pool), ids[pool]) << "through reload, upgrade and restart";
  EXPECT_TRUE(ids["main"] != look("a") && ids["d"] != look("a"));
  EXPECT_TRUE(server.stops_clean());
}

TEST(Privileges, NoUserOfItsOwnWithoutRoot) {
  const auto user = other_user();
  if (::geteuid() == 0 && !user) GTEST_SKIP() << "needs another user";
  const TempDir dir;
  const Outcome start = start_with(dir, std::string("[pool main]\nuser = auto\n") + kService, {}, user);
  EXPECT_EQ(start.code, 67);
  EXPECT_THAT(start.err, testing::HasSubstr("pool \"main\": user = auto needs a master that runs as root"));
}

TEST(Privileges, UnknownUsersAndGroups) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  for (const char* line : {"user = nosuchuser", "group = nosuchgroup"}) {
    const Outcome outcome = start_with(dir, std::string("[pool main]\n") + line + "\n" + kService);
    EXPECT_EQ(outcome.code, 67) << line;
    EXPECT_EQ(count(outcome.err, "\n"), 1U) << outcome.err;
    EXPECT_THAT(outcome.err, testing::StartsWith("prefork-master: " + (dir / "prefork.conf") + ":1: "));
    EXPECT_THAT(outcome.err, testing::HasSubstr("nosuch"));
  }
}

TEST(Privileges, AMasterThatIsNotRootStaysWhatItIs) {
  const auto user = other_user();
  if (!user) GTEST_SKIP() << "needs root and another user";
  Server server(std::string("[pool main]\nworkers = 2\n") + kService, {.user = user});
  server.ready(2);
  const passwd entry = *::getpwuid(*user);
  for (const pid_t worker : server.workers()) expect_user(worker, entry, "");
  const Outcome own = run({.argv = {kCtl, "-s", server.control_path(), "status"}, .user = user});
  EXPECT_EQ(own.code, 0) << own.err;
  EXPECT_EQ(server.ctl({"status"}).code, 0) << "root may always";
  const TempDir dir;
  EXPECT_EQ(start_with(dir, std::string("[pool main]\nuser = nobody\n") + kService, {"-t"}, user).code, 77);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Privileges, PluginsAreInspectedWithoutRights) {
  SKIP_UNLESS_ROOT();
  // A crash in describe() as root would be a crash with root's rights: the inspector is nobody.
  const TempDir dir;
  Process master({{kMaster, "--describe", kTestPlugins + "/describe_hang.so"}}, dir / "out", dir / "err");
  const passwd nobody = *::getpwnam("nobody");
  EXPECT_TRUE(eventually([&] {
    for (const pid_t child : children_of(master.pid())) {
      if (proc_status(child, "Uid") == four(nobody.pw_uid) && proc_status(child, "NoNewPrivs") == "1") return true;
    }
    return false;
  }));
  EXPECT_TRUE(master.wait().has_value());
  EXPECT_TRUE(master.group_gone());
}

// Goal: where the machine is short of memory the kernel takes a worker, which is replaced, and not the master.
TEST(Privileges, WorkersGoBeforeTheMasterWhereMemoryIsShort) {
  Server server("[pool main]\nworkers = 2\n[service echo]\nplugin = echo\nlisten = tcp://127.0.0.1:0\n");
  server.ready(2);
  const auto score = [](pid_t pid) { return std::stoi(read_file("/proc/" + std::to_string(pid) + "/oom_score_adj")); };
  for (const pid_t worker : server.workers()) EXPECT_EQ(score(worker), std::min(score(server.pid()) + 100, 1000));
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
