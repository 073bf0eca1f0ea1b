// Goal: a pool's isolation holds for each of its workers, including replacements, and services work well with it; what
// is not available is reported at the start, and no worker serves without it.
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kConfined = "[service c]\nplugin = {plugins}/confined.so\nlisten = tcp://127.0.0.1:0\n";

bool have_landlock() { return ::syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0}, 1U) > 0; }

#define SKIP_WITHOUT_LANDLOCK() \
  if (!have_landlock()) GTEST_SKIP() << "this kernel has no Landlock"

std::string pool(const std::string& lines) { return "[pool main]\nworkers = 1\n" + lines + kConfined; }

/// A conversation with the plugin `confined`.
class Talk {
 public:
  explicit Talk(const Server& server) : client_(server.address("c")) {}
  std::string operator()(const std::string& line) {
    std::string answer = client_.send(line + "\n").receive_until("\n");
    answer.pop_back();
    return answer;
  }

 private:
  Client client_;
};

unsigned first_cpu() {
  cpu_set_t set;
  ::sched_getaffinity(0, sizeof set, &set);
  unsigned cpu = 0;
  while (!CPU_ISSET(cpu, &set)) ++cpu;
  return cpu;
}

std::string proc(pid_t pid, const std::string& file) { return "/proc/" + std::to_string(pid) + "/" + file; }

/// From /proc/PID/limits: "SOFT HARD".
std::string limit_of(pid_t pid, const std::string& name) {
  std::istringstream lines(read_file(proc(pid, "limits")));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name)) continue;
    std::istringstream words(line.substr(name.size()));
    std::string soft, hard;
    words >> soft >> hard;
    return soft + " " + hard;
  }
  return {};
}

/// The owner of /proc/PID/status: root if the process is not dumpable.
uid_t owner_of(pid_t pid) {
  struct stat status {};
  ::stat(proc(pid, "status").c_str(), &status);
  return status.st_uid;
}

void write_site(const TempDir& dir) {
  fs::permissions(dir.path(), fs::perms(0755));
  fs::create_directory(dir / "site");
  write_file(dir / "site/index.html", "inside");
  write_file(dir / "secret", "outside");
}

TEST(Isolation, WhatThePoolSaysHoldsForEveryWorker) {
  SKIP_UNLESS_ROOT();
  const std::string cpu = std::to_string(first_cpu());
  Server server(pool("user = daemon\nsupplementary-groups = tty 54321\numask = 0027\nnice = 5\ncpu-affinity = " + cpu +
                     "\nlimit-as = 1048576GiB\nlimit-core = 0\nlimit-fsize = 1GiB:2GiB\nlimit-memlock = 64KiB\n"
                     "limit-nofile = 300:400\nlimit-nproc = 5000\nlimit-data = 524288GiB\nlimit-stack = 4MiB:8MiB\n"));
  const std::string tty = std::to_string(::getgrnam("tty")->gr_gid);
  for (int life = 0; life < 2; ++life) {
    server.ready(1);
    const pid_t worker = server.workers().front();
    EXPECT_EQ(proc_status(worker, "Groups"), tty + " 54321");
    EXPECT_EQ(proc_status(worker, "Umask"), "0027");
    EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(worker)), 5);
    EXPECT_EQ(proc_status(worker, "Cpus_allowed_list"), cpu);
    EXPECT_EQ(limit_of(worker, "Max address space"), "1125899906842624 1125899906842624");
    EXPECT_EQ(limit_of(worker, "Max core file size"), "0 0");
    EXPECT_EQ(limit_of(worker, "Max data size"), "562949953421312 562949953421312");
    EXPECT_EQ(limit_of(worker, "Max file size"), "1073741824 2147483648");
    EXPECT_EQ(limit_of(worker, "Max locked memory"), "65536 65536");
    EXPECT_EQ(limit_of(worker, "Max open files"), "300 400");
    EXPECT_EQ(limit_of(worker, "Max processes"), "5000 5000");
    EXPECT_EQ(limit_of(worker, "Max stack size"), "4194304 8388608");
    EXPECT_EQ(proc_status(worker, "NoNewPrivs"), "1");
    EXPECT_EQ(proc_status(worker, "Seccomp"), "0");
    EXPECT_EQ(proc_status(worker, "CapEff"), "0000000000000000");
    EXPECT_EQ(owner_of(worker), 0U) << "the worker is dumpable";
    ASSERT_EQ(::kill(worker, SIGKILL), 0);
    EXPECT_TRUE(server.logged("killed by SIGKILL", static_cast<std::size_t>(life) + 1));
  }
  server.ready(1);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Isolation, PoolsDoNotShareIt) {
  SKIP_UNLESS_ROOT();
  Server server(pool("umask = 0077\nseccomp = strict\ndumpable = yes\n") +
                "[pool other]\nworkers = 1\n[service echo]\nplugin = echo\npool = other\nlisten = tcp://127.0.0.1:0\n");
  server.ready(2);
  const pid_t strict = server.workers("main").front();
  const pid_t other = server.workers("other").front();
  EXPECT_EQ(proc_status(strict, "Umask"), "0077");
  EXPECT_EQ(proc_status(strict, "Seccomp"), "2");
  EXPECT_EQ(owner_of(strict), ::getpwnam("nobody")->pw_uid) << "the worker is not dumpable";
  EXPECT_EQ(proc_status(other, "Umask"), proc_status(server.pid(), "Umask"));
  EXPECT_EQ(proc_status(other, "Seccomp"), "0");
  EXPECT_EQ(owner_of(other), 0U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Isolation, NoSupplementaryGroupsAtAll) {
  SKIP_UNLESS_ROOT();
  Server server(pool("user = daemon\nsupplementary-groups =\n"));
  server.ready(1);
  EXPECT_EQ(proc_status(server.workers().front(), "Groups"), "");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Isolation, AChrootHoldsItsWorkers) {
  SKIP_UNLESS_ROOT();
  const TempDir root;
  write_site(root);
  Server server(pool("chroot = " + (root / "site") + "\n"));
  server.ready(1);
  const pid_t worker = server.workers().front();
  EXPECT_EQ(fs::read_symlink(proc(worker, "root")), root / "site");
  EXPECT_EQ(fs::read_symlink(proc(worker, "cwd")), root / "site");
  for (const auto& [fd, target] : descriptors_of(worker)) {
    EXPECT_FALSE(target.starts_with("/") && !target.starts_with("/dev/null") && fd > 2) << fd << " leads to " << target;
  }
  Talk talk(server);
  EXPECT_EQ(talk("cwd"), "/");
  EXPECT_EQ(talk("read /index.html"), "ok");
  EXPECT_EQ(talk("read index.html"), "ok");
  EXPECT_EQ(talk("read /../secret"), "ENOENT");
  EXPECT_EQ(talk("read ../../../../etc/passwd"), "ENOENT");
  EXPECT_EQ(talk("read " + (root / "secret")), "ENOENT");
  ASSERT_EQ(::kill(worker, SIGKILL), 0);
  EXPECT_TRUE(server.logged("killed by SIGKILL"));
  server.ready(1);
  EXPECT_EQ(Talk(server)("read /index.html"), "ok");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Isolation, LandlockLeavesWhatIsNamed) {
  SKIP_WITHOUT_LANDLOCK();
  const TempDir dir;
  write_site(dir);
  fs::create_directory(dir / "data");
  fs::permissions(dir / "data", fs::perms(0777));
  Server server(pool("landlock-read = " + (dir / "site") + "\nlandlock-write = " + (dir / "data") + "\n"));
  server.ready(1);
  Talk talk(server);
  EXPECT_EQ(talk("read " + (dir / "site/index.html")), "ok");
  EXPECT_EQ(talk("create " + (dir / "site/new")), "EACCES");
  EXPECT_EQ(talk("create " + (dir / "data/new")), "ok");
  EXPECT_EQ(talk("write " + (dir / "data/new")), "ok");
  EXPECT_EQ(talk("remove " + (dir / "data/new")), "ok");
  EXPECT_EQ(talk("read " + (dir / "secret")), "EACCES");
  EXPECT_EQ(talk("read /etc/passwd"), "EACCES");
  EXPECT_EQ(talk("fork"), "ok");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Isolation, SeccompRefusesWhatNoServiceNeeds) {
  Server server(pool("seccomp = default\n"));
  server.ready(1);
  EXPECT_EQ(proc_status(server.workers().front(), "Seccomp"), "2");
  Talk talk(server);
  for (const std::string call : {"mount", "ptrace", "unshare", "keyctl"}) EXPECT_EQ(talk(call), "EPERM") << call;
  EXPECT_EQ(talk("fork"), "ok");
  EXPECT_EQ(talk("execve"), "ENOENT");
  EXPECT_EQ(talk("thread"), "ok");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Isolation, WithoutSeccompHarmlessCallsWork) {
  Server server(pool(""));
  server.ready(1);
  Talk talk(server);
  EXPECT_EQ(talk("unshare"), "ok") << "the call of the test above is refused by something else";
  EXPECT_EQ(talk("execve"), "ENOENT");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Isolation, StrictRefusesProcesses) {
  Server server(pool("seccomp = strict\n"));
  server.ready(1);
  Talk talk(server);
  for (const std::string call : {"mount", "ptrace", "unshare", "keyctl", "fork", "execve"}) {
    EXPECT_EQ(talk(call), "EPERM") << call;
  }
  EXPECT_EQ(talk("thread"), "ok");
  EXPECT_TRUE(server.stops_clean());
}

// Goal: a real service under all of it at once.
TEST(Isolation, ASiteIsServedFromWithinAllOfIt) {
  SKIP_UNLESS_ROOT();
  SKIP_WITHOUT_LANDLOCK();
  const TempDir dir;
  write_site(dir);
  fs::create_symlink(dir / "secret", dir / "site/link");
  Server server("[pool main]\nworkers = 2\nseccomp = strict\numask = 0077\nlimit-nofile = 1000\nlimit-core = 0\n" +
                std::string("landlock-read = ") + (dir / "site") + "\nlandlock-read = /usr/lib\n" +
                "[service web]\nplugin = static\nlisten = tcp://127.0.0.1:0\nroot = " + (dir / "site") +
                "\n[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n"
                "[pool jail]\nworkers = 1\nseccomp = strict\nchroot = " +
                (dir / "site") + "\n[service jailed]\nplugin = hello\npool = jail\nlisten = tcp://127.0.0.1:0\n");
  server.ready(3);
  Client web(server.address("web"));
  EXPECT_EQ(body_of(get(web)), "inside");
  EXPECT_THAT(get(web, "/link"), testing::Not(HasSubstr("outside")));
  for (const char* service : {"hello", "jailed"}) {
    Client client(server.address(service));
    EXPECT_THAT(get(client), StartsWith("HTTP/1.1 200")) << service;
  }
  EXPECT_TRUE(server.stops_clean());
}

TEST(Isolation, AMasterWithoutRightsCanStillConfine) {
  SKIP_WITHOUT_LANDLOCK();
  const auto user = other_user();
  if (!user) GTEST_SKIP() << "needs root and another user";
  const TempDir dir;
  write_site(dir);
  Server server(
      pool("umask = 0077\nnice = 19\nlimit-nofile = 500\nseccomp = strict\nlandlock-read = " + (dir / "site") + "\n"),
      {.user = user});
  server.ready(1);
  const pid_t worker = server.workers().front();
  EXPECT_EQ(proc_status(worker, "Umask"), "0077");
  EXPECT_EQ(limit_of(worker, "Max open files"), "500 500");
  Talk talk(server);
  EXPECT_EQ(talk("read " + (dir / "site/index.html")), "ok");
  EXPECT_EQ(talk("read /etc/passwd"), "EACCES");
  EXPECT_EQ(talk("fork"), "EPERM");
  EXPECT_TRUE(server.stops_clean());
}

struct Refusal {
  std::string lines;
  int code;
  std::string sentence;  ///< after file and line
};

// Goal: what the system does not grant is one sentence at start, and with -t.
TEST(Isolation, WhatCantBeHadIsToldAtStart) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  std::vector<Refusal> refusals{
      {"chroot = /no/such", 78, ":1: pool \"main\": open /no/such for chroot: No such file or directory"},
      {"user = root\nchroot = /usr", 78,
       ":3: chroot in [pool main]: the pool's user is root, which no chroot can hold"},
      {"cpu-affinity = 8191", 78, ":1: pool \"main\": sched_setaffinity to CPUs 8191: Invalid argument"},
      {"supplementary-groups = tty nosuchgroup", 67, ":1: pool \"main\": no group \"nosuchgroup\""},
      {"limit-nofile = 100", 78,
       ":2: limit-nofile in [pool main]: 100 descriptors are too few: a worker has 128 before its first connection"},
      {"umask = 8", 78, ":2: umask in [pool main]: \"8\" is not an octal mode from 0000 to 0777"},
      {"seccomp = stric", 78,
       ":2: seccomp in [pool main]: \"stric\" is not one of off, default, strict; did you mean \"strict\"?"},
  };
  if (have_landlock()) {
    refusals.push_back({"landlock-read = /no/such", 78,
                        ":1: pool \"main\": open /no/such for landlock-read: No such file or directory"});
  }
  const std::string service = "[service echo]\nplugin = echo\nlisten = tcp://127.0.0.1:0\n";
  for (const auto& refusal : refusals) {
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{}, std::vector<std::string>{"-t"}}) {
      const Outcome outcome = start_with(dir, "[pool main]\n" + refusal.lines + "\nworkers = 1\n" + service, arguments);
      EXPECT_EQ(outcome.code, refusal.code) << refusal.lines;
      EXPECT_EQ(outcome.err, "prefork-master: " + (dir / "prefork.conf") + refusal.sentence + "\n");
    }
  }
  EXPECT_EQ(start_with(dir, "[pool main]\nlimit-core = 0\nseccomp = strict\n" + service, {"-t"}).code, 0);
}

TEST(Isolation, WhatNeedsRightsIsRefusedWithoutThem) {
  const auto user = other_user();
  if (!user) GTEST_SKIP() << "needs root and another user";
  const TempDir dir;
  for (const std::string line : {"chroot = /usr", "nice = -5", "supplementary-groups = tty"}) {
    const Outcome outcome = start_with(
        dir, "[pool main]\n" + line + "\n[service echo]\nplugin = echo\nlisten = tcp://127.0.0.1:0\n", {"-t"}, user);
    EXPECT_EQ(outcome.code, 77) << line << ": " << outcome.err;
    EXPECT_EQ(count(outcome.err, "\n"), 1U) << outcome.err;
  }
}

// Goal: a worker that can't be isolated any more does not serve; the log names the call and its argument.
TEST(Isolation, AWorkerThatCantBeIsolatedEndsWith77) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  write_site(dir);
  Server server(pool("chroot = " + (dir / "site") + "\n") +
                "[pool other]\nworkers = 1\n[service echo]\nplugin = echo\npool = other\nlisten = tcp://127.0.0.1:0\n");
  server.ready(2);
  fs::rename(dir / "site", dir / "gone");
  ASSERT_EQ(::kill(server.workers("main").front(), SIGKILL), 0);
  EXPECT_TRUE(server.logged("exited with code 77 (could not be isolated)"));
  EXPECT_TRUE(server.logged("it said: open " + (dir / "site") + " for chroot: No such file or directory"));
  Client echo(server.address("echo"));
  EXPECT_EQ(echo.send("still here\n").receive_until("\n"), "still here\n");
  fs::rename(dir / "gone", dir / "site");
  server.ready(2);
  EXPECT_EQ(Talk(server)("read /index.html"), "ok");
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
