// Goal: the server starts into the background and reports how that went; as the first process of a container it does
// what an init must do.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "ipc/posix/unique_fd.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

using testing::HasSubstr;

std::string link_of(const std::string& path) {
  char target[4096];
  const ssize_t n = ::readlink(path.c_str(), target, sizeof target);
  return n > 0 ? std::string(target, static_cast<std::size_t>(n)) : "";
}

/// What a start in the background leaves behind; processes that still run at the end are killed.
class Background {
 public:
  explicit Background(const std::string& sections, const std::string& log = "{dir}/log") {
    std::string text =
        "[master]\nshutdown-timeout = 1s\ncontrol = {dir}/control.sock\npid-file = {dir}/master.pid\nlog = " + log +
        "\n" + sections;
    for (auto at = text.find("{dir}"); at != std::string::npos; at = text.find("{dir}"))
      text.replace(at, 5, dir.path());
    for (auto at = text.find("{plugins}"); at != std::string::npos; at = text.find("{plugins}")) {
      text.replace(at, 9, kTestPlugins);
    }
    write_file(dir / "prefork.conf", text);
  }
  ~Background() {
    if (pid() > 0) ::kill(pid(), SIGKILL);
    if (testing::Test::HasFailure()) std::printf("--- log\n%s---\n", read_file(dir / "log").c_str());
  }

  /// Starts it in the folder of its configuration, which it is given by a relative path.
  Outcome start(std::vector<std::string> environment = {}, const std::string& redirections = "") const {
    const std::string words = "cd " + dir.path() + " && exec " + kMaster + " -c prefork.conf --daemon" + redirections;
    return run({{"sh", "-c", words}, std::move(environment), {}, {}});
  }
  Outcome ctl(const std::string& command) const { return run({{kCtl, "-s", dir / "control.sock", command}}); }
  /// 0: there is none
  pid_t pid() const { return std::atoi(read_file(dir / "master.pid").c_str()); }

  TempDir dir;
};

constexpr const char* kEcho = "[pool main]\nworkers = 2\n[service s]\nplugin = echo\nlisten = tcp://127.0.0.1:0\n";

/// The end of a process that became this one's child when its parents had gone.
int end_of(pid_t pid) {
  int status = -1;
  eventually([&] { return ::waitpid(pid, &status, WNOHANG) == pid; });
  return status;
}

TEST(Daemon, ClosesWhatItInherited) {
  const Background daemon(kEcho);
  for (const char* file : {"lock", "other"}) write_file(daemon.dir / file, "");
  // For example somebody who held a lock while starting the server.
  const Outcome start = daemon.start({}, " 9>lock 7<other");
  EXPECT_EQ(start.code, 0) << start.err;
  ASSERT_GT(daemon.pid(), 0);
  for (const auto& [fd, target] : descriptors_of(daemon.pid())) {
    EXPECT_NE(target, daemon.dir / "lock") << "descriptor " << fd;
    EXPECT_NE(target, daemon.dir / "other") << "descriptor " << fd;
  }
  EXPECT_EQ(daemon.ctl("stop").code, 0);
}

TEST(Daemon, KeepsTheSocketsThatItWasGiven) {
  const Background daemon("[pool main]\nworkers = 1\n[service s]\nplugin = upper\nlisten = fd:unknown\n");
  ipc::UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof any;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&any), length), 0);
  ASSERT_EQ(::listen(listener.get(), 8), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&any), &length), 0);
  const std::string passed = std::to_string(::fcntl(listener.get(), F_DUPFD, 10));
  const std::string words = "cd " + daemon.dir.path() + " && export LISTEN_PID=$$ LISTEN_FDS=1 && exec " + kMaster +
                            " -c prefork.conf --daemon 3<&" + passed + " 9<prefork.conf";
  const Outcome start = run({{"bash", "-c", words}});
  ::close(std::stoi(passed));
  listener.reset();
  EXPECT_EQ(start.code, 0) << start.err;
  Client client(Address("tcp://127.0.0.1:" + std::to_string(ntohs(any.sin_port))));
  EXPECT_EQ(client.send("given").receive(), "GIVEN");
  for (const auto& [fd, target] : descriptors_of(daemon.pid())) EXPECT_NE(target, daemon.dir / "prefork.conf");
  EXPECT_EQ(daemon.ctl("stop").code, 0);
}

TEST(Daemon, IsReadyWhenItsStarterReturns) {
  const Background daemon(kEcho);
  const Outcome start = daemon.start();
  EXPECT_EQ(start.code, 0) << start.err;
  EXPECT_EQ(start.out + start.err, "");
  const pid_t pid = daemon.pid();
  ASSERT_GT(pid, 0);
  const Outcome status = daemon.ctl("status");
  EXPECT_THAT(status.out, testing::ContainsRegex("main +2/2 +2 ")) << status.out << status.err;
  EXPECT_NE(::getsid(pid), ::getsid(0)) << "a session of its own";
  EXPECT_NE(::getsid(pid), pid) << "which it does not lead: it can't come by a terminal";
  const std::string proc = "/proc/" + std::to_string(pid);
  EXPECT_EQ(link_of(proc + "/cwd"), "/");
  for (const char* stream : {"/fd/0", "/fd/1", "/fd/2"}) {
    EXPECT_EQ(link_of(proc + stream), "/dev/null");
    for (const pid_t worker : children_of(pid)) {
      const std::string target = link_of("/proc/" + std::to_string(worker) + stream);
      EXPECT_EQ(target.substr(0, 5), std::string(stream) == "/fd/0" ? "/dev/" : "pipe:") << "the master's, for its log";
    }
  }
  EXPECT_EQ(daemon.ctl("reload").code, 0) << "it finds its configuration from /";
  EXPECT_EQ(daemon.ctl("stop").code, 0);
  EXPECT_EQ(end_of(pid), 0);
  EXPECT_EQ(daemon.pid(), 0) << "the pid file is gone";
}

TEST(Daemon, HearsHangupThoughItWasStartedByNohup) {
  const Background daemon(kEcho);
  EXPECT_EQ(run({{"nohup", kMaster, "-c", daemon.dir / "prefork.conf", "--daemon"}}).code, 0);
  ::kill(daemon.pid(), SIGHUP);
  EXPECT_TRUE(eventually([&] { return count(read_file(daemon.dir / "log"), "reloaded: generation 2 serves") == 1; }));
  const pid_t pid = daemon.pid();
  ::kill(pid, SIGTERM);
  EXPECT_EQ(end_of(pid), 0);
}

struct BadStart {
  const char* name;
  std::string sections, log;
  int code;
  std::string reason;
};

void PrintTo(const BadStart& bad, std::ostream* out) { *out << bad.name; }

class DaemonFails : public testing::TestWithParam<BadStart> {};

TEST_P(DaemonFails, AndItsStarterTellsWhy) {
  const BadStart& bad = GetParam();
  const Background daemon(bad.sections, bad.log);
  const Outcome start = daemon.start();
  EXPECT_EQ(start.code, bad.code);
  EXPECT_THAT(start.err, testing::StartsWith("prefork-master: "));
  EXPECT_THAT(start.err, HasSubstr(bad.reason));
  EXPECT_EQ(count(start.err, "\n"), 1U) << start.err;
  EXPECT_FALSE(exists(daemon.dir / "master.pid"));
  EXPECT_FALSE(exists(daemon.dir / "control.sock"));
}

std::string moody(const std::string& mood) {
  return "[pool main]\nworkers = 1\nboot-timeout = 100ms\n[service s]\nplugin = {plugins}/moody.so\nmood = " + mood +
         "\nlisten = tcp://127.0.0.1:0\n";
}

INSTANTIATE_TEST_SUITE_P(
    All, DaemonFails,
    testing::Values(
        BadStart{"log_to_stderr", kEcho, "stderr", 78,
                 "log in [master] goes to standard error, which --daemon closes: give a file"},
        BadStart{"access_log_to_stderr",
                 "[service s]\nplugin = hello\naccess-log = stderr\nlisten = tcp://127.0.0.1:0\n", "{dir}/log", 78,
                 "access-log in [service s]"},
        BadStart{"syntax", "[pool main\n", "{dir}/log", 78, "prefork.conf:6"},
        BadStart{"no_folder_for_the_socket", "[service s]\nplugin = echo\nlisten = unix:{dir}/none/s\n", "{dir}/log",
                 69, "prefork.conf:8: bind unix:"},
        BadStart{"no_folder_for_the_log", kEcho, "{dir}/none/log", 71, "none/log: No such file or directory"},
        BadStart{"no_folder_for_the_access_log",
                 "[service s]\nplugin = hello\naccess-log = {dir}/none/log\nlisten = tcp://127.0.0.1:0\n", "{dir}/log",
                 73, "none/log"},
        BadStart{"worker_cannot_start", moody("throw"), "{dir}/log", 70, "not ready within 1 s, and was stopped"},
        BadStart{"worker_hangs", moody("hang"), "{dir}/log", 70, "not ready within 1 s, and was stopped"}),
    [](const auto& which) { return std::string(which.param.name); });

TEST(DaemonFailsLater, ASecondOneFindsTheFirst) {
  const Background daemon(kEcho);
  ASSERT_EQ(daemon.start().code, 0);
  const pid_t pid = daemon.pid();
  const Outcome second = daemon.start();
  EXPECT_EQ(second.code, 69);
  EXPECT_THAT(second.err, HasSubstr("another prefork-master (pid " + std::to_string(pid) + ") holds pid file"));
  EXPECT_EQ(daemon.ctl("stop").code, 0);
  EXPECT_EQ(end_of(pid), 0);
}

TEST(DaemonFailsLater, ItsDeathIsToldToo) {
  const Background daemon(
      "[pool main]\nworkers = 1\n[service s]\nplugin = {plugins}/moody.so\nmood = wait\nlisten = tcp://127.0.0.1:0\n");
  Outcome start;
  std::thread starter([&] { start = daemon.start(); });
  EXPECT_TRUE(eventually([&] { return daemon.pid() > 0; }));
  const pid_t pid = daemon.pid();
  ::kill(pid, SIGKILL);
  starter.join();
  EXPECT_EQ(start.code, 70);
  EXPECT_THAT(start.err, HasSubstr("the daemon died before it was ready"));
  EXPECT_EQ(end_of(pid), SIGKILL);
  ::unlink((daemon.dir / "master.pid").c_str());
}

/// A daemon whose worker hangs as it starts, unless a file is there.
constexpr const char* kLate =
    "[pool main]\nworkers = 1\n[service s]\nplugin = {plugins}/moody.so\nmood = wait\n"
    "unless = {dir}/well\nlisten = tcp://127.0.0.1:0\n";

// Its starter waits for it; another program would not know of that.
TEST(DaemonUpgrade, IsRefusedWhileItsStarterWaits) {
  const Background daemon(kLate);
  Outcome start;
  std::thread starter([&] { start = daemon.start(); });
  EXPECT_TRUE(eventually([&] { return count(read_file(daemon.dir / "log"), "listens on") > 0; }));
  const pid_t pid = daemon.pid();
  EXPECT_GT(pid, 0);
  const Outcome upgrade = daemon.ctl("upgrade");
  EXPECT_EQ(upgrade.code, 69);
  EXPECT_THAT(upgrade.err, HasSubstr("the server is starting: it can be upgraded once it is ready"));
  EXPECT_EQ(count(upgrade.err, "\n"), 1U) << upgrade.err;
  if (pid > 0) ::kill(pid, SIGUSR2);
  EXPECT_TRUE(eventually([&] { return count(read_file(daemon.dir / "log"), "the server is starting") == 1; }));
  write_file(daemon.dir / "well", "");
  for (const pid_t worker : pid > 0 ? children_of(pid) : std::vector<pid_t>()) ::kill(worker, SIGKILL);
  starter.join();
  EXPECT_EQ(start.code, 0) << start.err;
  EXPECT_EQ(daemon.ctl("upgrade").code, 0) << "now it can be";
  EXPECT_EQ(daemon.pid(), pid);
  EXPECT_EQ(daemon.ctl("reload").code, 0) << "it still finds its configuration";
  EXPECT_EQ(daemon.ctl("upgrade").code, 0);
  EXPECT_EQ(daemon.ctl("stop").code, 0);
  EXPECT_EQ(end_of(pid), 0);
}

// The first process of a container.

#define SKIP_UNLESS_NAMESPACES()                                                     \
  SKIP_UNLESS_ROOT();                                                                \
  if (run({{"unshare", "--pid", "--fork", "--mount-proc", "true"}}).code != 0) {     \
    GTEST_SKIP() << "needs unshare, and the right to make a namespace of processes"; \
  }

const std::vector<std::string> kFirstProcess{"unshare", "--pid", "--fork", "--mount-proc"};

/// Runs a shell's words among the processes of a container. @return what they print
std::string within(pid_t first, const std::string& words) {
  const Outcome outcome = run({{"nsenter", "--target", std::to_string(first), "--pid", "--mount", "sh", "-c", words}});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return outcome.out;
}

TEST(FirstProcess, ReapsWhatOthersLeaveAndStopsWhenTold) {
  SKIP_UNLESS_NAMESPACES();
  Server server(kEcho, {.launcher = kFirstProcess});
  server.ready(2);
  const pid_t master = children_of(server.pid()).at(0);
  EXPECT_EQ(server.status()["master"]["pid"], 1);
  const std::size_t own = children_of(master).size();
  // As a service's helper whose parent has gone.
  const std::string orphan = within(master, "setsid sh -c 'sleep 1000 >/dev/null 2>&1 & echo $!'");
  EXPECT_TRUE(eventually([&] { return children_of(master).size() == own + 1; })) << "the orphan came to the master";
  within(master, "kill -KILL " + orphan);
  EXPECT_TRUE(eventually([&] { return children_of(master).size() == own; })) << "and is reaped";
  EXPECT_EQ(server.status()["restarts"].size(), 0U);

  ::kill(children_of(master).at(0), SIGKILL);
  EXPECT_TRUE(server.logged("killed by SIGKILL"));
  server.ready(2);
  EXPECT_EQ(server.ctl({"reload"}).code, 0);
  within(master, "kill -TERM 1");
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(server.left_nothing());
}

// The kernel would drop it, and a container that is stopped would wait until it is killed.
TEST(FirstProcess, IsStoppedByWhatComesWhileItStarts) {
  SKIP_UNLESS_NAMESPACES();
  std::string late;
  Server server("include = late.conf\n", {.before =
                                              [&](const TempDir& dir) {
                                                late = dir / "late.conf";
                                                ASSERT_EQ(::mkfifo(late.c_str(), 0600), 0);
                                              },
                                          .launcher = kFirstProcess});
  int fifo = -1;  // opens once the master reads there
  ASSERT_TRUE(eventually([&] { return (fifo = ::open(late.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) != -1; }));
  ::kill(children_of(server.pid()).at(0), SIGTERM);
  const std::string config = kEcho;
  EXPECT_EQ(::write(fifo, config.data(), config.size()), static_cast<ssize_t>(config.size()));
  ::close(fifo);
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(server.logged("SIGTERM"));
  EXPECT_TRUE(server.left_nothing());
}

}  // namespace
}  // namespace prefork::system_test
