// Goal: a server that a service manager has started stays its service through upgrades: it keeps the sockets that it
// was handed and their names, its notifications and its watchdog messages.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/system/support/good_client.hpp"
#include "tests/system/support/service_manager.hpp"

namespace prefork::system_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

/// A socket that is bound and handed over, as systemd does: this process has it too until it is closed.
class Bound {
 public:
  Bound(std::string name, const Address& address) : name_(std::move(name)) {
    const int fd = ::socket(address.storage.ss_family, address.type | SOCK_CLOEXEC, 0);
    sockaddr_storage storage = address.storage;
    const int bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), address.length);
    if (fd == -1 || bound == -1 || (address.type == SOCK_STREAM && ::listen(fd, 100) == -1)) {
      throw std::system_error(errno, std::generic_category(), "bind " + address.text);
    }
    fd_ = ::fcntl(fd, F_DUPFD, 20);  // not close-on-exec, and no number that a shell has
    ::close(fd);
    struct stat status {};
    ::fstat(fd_, &status);
    link_ = "socket:[" + std::to_string(status.st_ino) + "]";
  }
  Bound(Bound&& other) noexcept
      : name_(std::move(other.name_)), link_(std::move(other.link_)), fd_(std::exchange(other.fd_, -1)) {}
  Bound& operator=(Bound&&) = delete;
  ~Bound() { close(); }

  void close() { ::close(std::exchange(fd_, -1)); }
  int fd() const noexcept { return fd_; }
  const std::string& name() const noexcept { return name_; }
  bool is_held_by(pid_t pid) const {
    const auto all = descriptors_of(pid);
    return std::any_of(all.begin(), all.end(), [&](const auto& each) { return each.second == link_; });
  }

 private:
  std::string name_, link_;
  int fd_ = -1;
};

/// A shell that puts the sockets where systemd puts them, and becomes the server.
Server::How activated(const std::vector<Bound>& sockets, std::vector<std::string> environment = {}) {
  std::string words = "exec", names;
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    words += " " + std::to_string(3 + i) + "<&" + std::to_string(sockets[i].fd());
    words += " " + std::to_string(sockets[i].fd()) + "<&-";
    names += (names.empty() ? "" : ":") + sockets[i].name();
  }
  environment.push_back("LISTEN_FDS=" + std::to_string(sockets.size()));
  environment.push_back("LISTEN_FDNAMES=" + names);
  return {.launcher = {"bash", "-c", words + "; export LISTEN_PID=$$; exec \"$@\"", "bash"},
          .environment = std::move(environment)};
}

void expect_upgraded(const Server& server) {
  const Outcome upgrade = server.ctl({"upgrade"});
  EXPECT_EQ(upgrade.code, 0) << upgrade.err;
}

std::string greeting(const Address& address) {
  Client client(address);
  return body_of(get(client));
}

/// Sends a datagram. @return what is answered
std::string echoed(const Address& address, const std::string& text) {
  Client client(address);
  return client.send(text).receive();
}

constexpr const char* kActivated = R"([pool main]
workers = 2
[service hello]
plugin = {plugins}/who.so
answer = Hello, World!
listen = fd:web
listen = fd:file backlog=50
listen = unix:{dir}/own.sock
[service echo]
plugin = echo
listen = fd-dgram:packets
)";

struct Activated {
  TempDir own;
  std::vector<Bound> sockets;
  std::unique_ptr<Server> server;

  Activated() {
    sockets.emplace_back("web", Address("tcp://127.0.0.1:0"));
    sockets.emplace_back("web", Address("tcp://[::]:0"));  // takes IPv4 too, as systemd's sockets do by themselves
    sockets.emplace_back("file", Address("unix:" + (own / "s.sock")));
    sockets.emplace_back("packets", Address("udp://127.0.0.1:0"));
    server = std::make_unique<Server>(kActivated, activated(sockets));
    for (Bound& socket : sockets) socket.close();
    server->ready(2);
  }
  std::vector<std::string> addresses() const {
    std::vector<std::string> all;
    const Json now = server->status();
    for (const auto& listener : now["listeners"]) {
      all.push_back(listener["service"].get<std::string>() + " " + listener["address"].get<std::string>());
    }
    return all;
  }
  void expect_serves(const std::vector<std::string>& wanted) const {
    EXPECT_EQ(addresses(), wanted);
    ASSERT_EQ(wanted.size(), 5U);
    for (const Bound& socket : sockets) EXPECT_TRUE(socket.is_held_by(server->pid())) << socket.name();
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(greeting(server->address("hello", i)), "Hello, World!") << i;
    const Address both("tcp://127.0.0.1:" + server->address("hello", 1).port());
    EXPECT_EQ(greeting(both), "Hello, World!") << "IPv4 by the IPv6 socket";
    EXPECT_EQ(echoed(server->address("echo"), "packet"), "packet");
  }
};

TEST(ManagedUpgrade, KeepsTheSocketsAndTheirNames) {
  if (read_file("/proc/net/if_inet6").find(" lo") == std::string::npos) GTEST_SKIP() << "no IPv6 here";
  Activated activated;
  Server& server = *activated.server;
  const auto addresses = activated.addresses();
  activated.expect_serves(addresses);

  expect_upgraded(server);
  activated.expect_serves(addresses);
  EXPECT_EQ(server.ctl({"reload"}).code, 0) << server.log();
  activated.expect_serves(addresses);
  server.signal(SIGUSR2);
  EXPECT_TRUE(server.logged("upgraded: prefork-master", 2));
  activated.expect_serves(addresses);
  EXPECT_EQ(server.ctl({"reload"}).code, 0) << server.log();
  activated.expect_serves(addresses);
  expect_upgraded(server);

  // A worker that dies gets them too.
  for (const pid_t worker : server.workers()) ::kill(worker, SIGKILL);
  EXPECT_TRUE(server.logged("killed by SIGKILL", 2));
  server.ready(2);
  activated.expect_serves(addresses);

  // By its address it is the same socket, and so it is by its name again; what nothing names is closed.
  const Address web = server.address("hello"), packets = server.address("echo");
  const std::string by_address =
      "[pool main]\nworkers = 2\n[service hello]\nplugin = {plugins}/who.so\nanswer = Hello, World!\nlisten = ";
  server.configure(by_address + web.text + "\n");
  EXPECT_EQ(server.ctl({"reload"}).code, 0) << server.log();
  expect_upgraded(server);
  EXPECT_EQ(greeting(web), "Hello, World!");
  EXPECT_TRUE(activated.sockets[0].is_held_by(server.pid()));
  EXPECT_TRUE(eventually([&] { return !activated.sockets[3].is_held_by(server.pid()); }));
  server.configure(by_address + "fd:web\n");
  EXPECT_EQ(server.ctl({"reload"}).code, 0) << server.log();
  EXPECT_EQ(greeting(web), "Hello, World!");
  server.configure(kActivated);
  const Outcome reload = server.ctl({"reload"});
  EXPECT_EQ(reload.code, 78);
  EXPECT_THAT(reload.err, HasSubstr("fd:file: no socket of this name was inherited"));

  EXPECT_TRUE(server.stops_clean()) << "the socket file of its own is gone";
  EXPECT_TRUE(exists(activated.own / "s.sock")) << "this one is the service manager's";
}

TEST(ManagedUpgrade, TheManagerIsToldAsBefore) {
  Managed managed(kWho, {"WATCHDOG_USEC=100000"});
  Server& server = managed.server;
  Manager& manager = managed.manager;
  ASSERT_TRUE(manager.hears("READY=1"));
  for (std::size_t i = 1; i <= 2; ++i) {
    i == 1 ? expect_upgraded(server) : server.signal(SIGUSR2);
    ASSERT_TRUE(server.logged("upgraded: prefork-master", i));
    ASSERT_TRUE(manager.hears("READY=1", 2 * i));
    ASSERT_TRUE(manager.hears("WATCHDOG=1", manager.times("WATCHDOG=1") + 5));
    EXPECT_EQ(server.ctl({"reload"}).code, 0);
    ASSERT_TRUE(manager.hears("READY=1", 2 * i + 1));
    EXPECT_TRUE(manager.hears("STATUS=generation " + std::to_string(i + 1) + ": 2 workers ready, 2 wanted"));
  }
  // The reason of a failed reload is still there, and the old program that goes on says nothing.
  server.configure("[pool main]\nworkers = 2\n");
  EXPECT_EQ(server.ctl({"reload"}).code, 78);
  EXPECT_EQ(server.ctl({"upgrade"}).code, 78);
  server.configure(kWho);
  const std::string status = "STATUS=generation 3: 2 workers ready, 2 wanted; the last reload failed: ";
  ASSERT_TRUE(manager.hears(status));
  const std::size_t said = manager.times(status);
  expect_upgraded(server);
  EXPECT_TRUE(manager.hears(status, said + 1));
  EXPECT_TRUE(server.stops_clean());
  const auto reloading = MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+\nWATCHDOG=1");
  EXPECT_THAT(manager.states(), ElementsAre("READY=1", "READY=1", reloading, "READY=1", "READY=1", reloading, "READY=1",
                                            reloading, "READY=1", "READY=1", "STOPPING=1"));
  EXPECT_THAT(manager.speakers(), ElementsAre(server.pid())) << "no child that tries a program speaks";
}

TEST(ManagedUpgrade, IsNoStartOfAServerThatLacksWorkers) {
  const std::string config =
      "[pool main]\nworkers = 2\n[service hello]\nplugin = {plugins}/moody.so\nmood = throw\nunless = {dir}/well\n"
      "listen = tcp://127.0.0.1:0\n";
  TempDir own;
  Manager manager(own / "notify");
  Server server(config, {.before = [](const TempDir& dir) { write_file(dir / "well", ""); },
                         .environment = {"NOTIFY_SOCKET=" + (own / "notify")}});
  ASSERT_TRUE(manager.hears("READY=1"));
  ::unlink((server.dir() / "well").c_str());
  ::kill(server.workers().front(), SIGKILL);
  EXPECT_TRUE(server.logged("a bad day"));
  expect_upgraded(server);
  EXPECT_EQ(server.pool()["ready"], 1);
  EXPECT_TRUE(manager.hears("READY=1", 2)) << "what it had said might have been lost with the old program";
  // Whoever waits for a reload, as systemd does with Type=notify-reload, hears of it.
  EXPECT_EQ(server.ctl({"reload"}).code, 70);
  EXPECT_TRUE(manager.hears("READY=1", 3));
  write_file(server.dir() / "well", "");
  EXPECT_EQ(server.ctl({"reload"}).code, 0);
  EXPECT_TRUE(server.stops_clean());
  const auto reloading = MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+");
  EXPECT_THAT(manager.states(),
              ElementsAre("READY=1", "READY=1", reloading, "READY=1", reloading, "READY=1", "STOPPING=1"));
}

// Before it is ready.

/// Workers whose start hangs, unless a file is there.
constexpr const char* kLate =
    "[pool main]\nworkers = 2\n[service hello]\nplugin = {plugins}/moody.so\nmood = wait\n"
    "unless = {dir}/well\nlisten = tcp://127.0.0.1:0\n";

TEST(ManagedUpgrade, OfAServerThatStartsTheStartGoesOn) {
  Managed managed(kLate);
  Server& server = managed.server;
  ASSERT_TRUE(server.logged("listens on"));
  expect_upgraded(server);
  server.signal(SIGUSR2);
  EXPECT_TRUE(server.logged("upgraded: prefork-master", 2));
  ASSERT_EQ(server.workers().size(), 2U);
  EXPECT_THAT(managed.manager.states(), ElementsAre()) << "it is not ready";
  write_file(server.dir() / "well", "");
  for (const pid_t worker : server.workers()) ::kill(worker, SIGKILL);
  EXPECT_TRUE(managed.manager.hears("READY=1"));
  server.ready(2);
  EXPECT_TRUE(server.stops_clean());
  EXPECT_THAT(managed.manager.states(), ElementsAre("READY=1", "STOPPING=1"));
}

// Its pid is known from the first moment, and somebody who installs a release does not know how far the server is.
TEST(ManagedUpgrade, SignalsThatComeBeforeThereIsAMasterAreNotLost) {
  std::string late;
  Server server("include = late.conf\n", {.before = [&](const TempDir& dir) {
                  late = dir / "late.conf";
                  ASSERT_EQ(::mkfifo(late.c_str(), 0600), 0);
                }});
  int fifo = -1;  // opens once the server reads there
  ASSERT_TRUE(eventually([&] { return (fifo = ::open(late.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)) != -1; }));
  const std::string config = "[service hello]\nplugin = hello\nlisten = tcp://127.0.0.1:0\n[pool main]\nworkers = 2\n";
  write_file(late + ".next", config);  // what reload and upgrade find
  ASSERT_EQ(::rename((late + ".next").c_str(), late.c_str()), 0);
  for (const int signal : {SIGUSR2, SIGUSR1, SIGHUP}) server.signal(signal);
  EXPECT_EQ(::write(fifo, config.data(), config.size()), static_cast<ssize_t>(config.size()));
  ::close(fifo);
  EXPECT_TRUE(server.logged("reloaded: generation 2 serves"));
  EXPECT_TRUE(server.logged("log reopened"));
  EXPECT_TRUE(server.logged("upgraded: prefork-master"));
  server.ready(2);
  EXPECT_EQ(greeting(server.address("hello")), "Hello, World!");
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
