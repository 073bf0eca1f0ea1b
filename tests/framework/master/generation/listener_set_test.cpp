#include "framework/master/generation/listener_set.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>

#include <cstring>
#include <fstream>
#include <optional>

#include "framework/master/loop/startup_error.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

using config::ListenScheme;
using config::ListenSpec;
using testing::HasSubstr;
using testing::MatchesRegex;

ListenSpec inet(ListenScheme scheme, const std::string& host, const std::string& port) {
  ListenSpec spec;
  spec.scheme = scheme;
  spec.host = host;
  spec.port = port;
  const std::string shown = host.find(':') != std::string::npos ? "[" + host + "]" : host;
  spec.address = (scheme == ListenScheme::tcp ? "tcp://" : "udp://") + shown + ":" + port;
  spec.origin.text = "test.conf:7";
  return spec;
}
ListenSpec tcp(const std::string& host, const std::string& port = "0") { return inet(ListenScheme::tcp, host, port); }

ListenSpec local(const std::string& path, bool datagram = false) {
  ListenSpec spec;
  spec.scheme = datagram ? ListenScheme::unix_dgram : ListenScheme::unix_stream;
  spec.path = path;
  spec.address = (datagram ? "unix-dgram:" : "unix:") + path;
  spec.origin.text = "test.conf:8";
  return spec;
}

config::Options options(std::vector<std::vector<ListenSpec>> services, unsigned workers = 3) {
  config::Options options;
  options.pools.push_back({});
  options.pools[0].name = "main";
  options.pools[0].workers = workers;
  for (auto& listeners : services) {
    config::ServiceOptions service;
    service.name = "s" + std::to_string(options.services.size());
    service.listeners = std::move(listeners);
    options.services.push_back(std::move(service));
  }
  return options;
}

int option_of(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  ::getsockopt(fd, level, name, &value, &length);
  return value;
}

in_port_t port_of(int fd) {
  sockaddr_in6 address{};
  socklen_t length = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin6_port);  // at the same place for IPv4
}

struct Refusal {
  int code = 0;
  std::string text;
};
Refusal refusal(const config::Options& wanted, const ListenerSet* previous = nullptr) {
  try {
    const ListenerSet set(wanted, previous);
    return {};
  } catch (const StartupError& error) {
    return {error.exit_code(), error.what()};
  }
}

TEST(ListenerSet, Port0ShowsThePortThatWasChosen) {
  const ListenerSet set(options({{tcp("127.0.0.1"), tcp("::1"), inet(ListenScheme::udp, "127.0.0.1", "0")}}));
  ASSERT_EQ(set.listeners().size(), 3U);
  EXPECT_THAT(set.listeners()[0].address, MatchesRegex("tcp://127\\.0\\.0\\.1:[1-9][0-9]*"));
  EXPECT_THAT(set.listeners()[1].address, MatchesRegex("tcp://\\[::1\\]:[1-9][0-9]*"));
  EXPECT_THAT(set.listeners()[2].address, MatchesRegex("udp://127\\.0\\.0\\.1:[1-9][0-9]*"));
  for (const auto& listener : set.listeners()) {
    EXPECT_THAT(listener.address, testing::EndsWith(":" + std::to_string(port_of(listener.sockets[0]->get()))));
  }
  EXPECT_EQ(option_of(set.listeners()[0].sockets[0]->get(), SOL_SOCKET, SO_ACCEPTCONN), 1);
  EXPECT_EQ(option_of(set.listeners()[2].sockets[0]->get(), SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
}

TEST(ListenerSet, SocketsAreNonBlockingAndCloseOnExec) {
  const test::TempFolder folder;
  const ListenerSet set(options({{tcp("127.0.0.1"), local(folder.file("s"))}}));
  for (const auto& listener : set.listeners()) {
    EXPECT_NE(::fcntl(listener.sockets[0]->get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(listener.sockets[0]->get(), F_GETFD) & FD_CLOEXEC, 0);
  }
}

// Two services that leave the port to the system want two ports.
TEST(ListenerSet, Port0IsNeverTheSameAddressTwice) {
  const ListenerSet set(options({{tcp("127.0.0.1"), tcp("127.0.0.1")}, {tcp("127.0.0.1")}}));
  ASSERT_EQ(set.listeners().size(), 3U);
  EXPECT_NE(set.listeners()[0].address, set.listeners()[1].address);
  EXPECT_EQ(set.listeners()[2].services, std::vector<std::size_t>{1});
}

TEST(ListenerSet, ServicesMayShareAListener) {
  const test::TempFolder folder;
  const ListenerSet set(options({{local(folder.file("s"))}, {local(folder.file("s"))}}));
  ASSERT_EQ(set.listeners().size(), 1U);
  EXPECT_EQ(set.listeners()[0].services, (std::vector<std::size_t>{0, 1}));
}

TEST(ListenerSet, OptionsAreReallySet) {
  auto plain = tcp("127.0.0.1");
  plain.nodelay = false;
  auto fast = tcp("127.0.0.1");
  auto only6 = tcp("::"), both = tcp("::");
  both.ipv6only = false;
  const ListenerSet set(options({{plain, fast, only6, both}}));
  const auto fd = [&](std::size_t i) { return set.listeners()[i].sockets[0]->get(); };
  EXPECT_EQ(option_of(fd(0), IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_EQ(option_of(fd(1), IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option_of(fd(2), IPPROTO_IPV6, IPV6_V6ONLY), 1);
  EXPECT_EQ(option_of(fd(3), IPPROTO_IPV6, IPV6_V6ONLY), 0);
  EXPECT_EQ(option_of(fd(0), SOL_SOCKET, SO_REUSEPORT), 0);
}

TEST(ListenerSet, ReuseportHasASocketForEachWorkerOfOnePort) {
  auto spec = tcp("127.0.0.1");
  auto udp = inet(ListenScheme::udp, "127.0.0.1", "0");
  spec.reuseport = udp.reuseport = true;
  const ListenerSet set(options({{spec, udp}}, 5));
  for (const auto& listener : set.listeners()) {
    ASSERT_EQ(listener.sockets.size(), 5U);
    for (const auto& socket : listener.sockets) {
      EXPECT_EQ(port_of(socket->get()), port_of(listener.sockets[0]->get()));
      EXPECT_EQ(option_of(socket->get(), SOL_SOCKET, SO_REUSEPORT), 1);
    }
  }
}

TEST(ListenerSet, NamesAreResolvedToAllTheirAddresses) {
  std::string port;
  {
    const ListenerSet free(options({{tcp("127.0.0.1")}}));
    port = std::to_string(port_of(free.listeners()[0].sockets[0]->get()));
  }
  const ListenerSet set(options({{tcp("localhost", port)}}));
  EXPECT_GE(set.listeners().size(), 1U);
  for (const auto& listener : set.listeners()) EXPECT_THAT(listener.address, testing::EndsWith(":" + port));
  EXPECT_THAT(refusal(options({{tcp("no-such-host.invalid", "80")}})).text,
              testing::StartsWith("test.conf:7: can't resolve tcp://no-such-host.invalid:80: "));
  EXPECT_EQ(refusal(options({{tcp("127.0.0.1", "no-such-service")}})).code, EX_CONFIG);
}

// A network of its own in which the loopback device is up and IPv6 off, though localhost stands for both.
std::string leave_ipv6(const std::string& hosts) {
  std::ofstream(hosts) << "127.0.0.1 localhost\n::1 localhost\n";
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) == -1) return "unshare";
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1) return "mount /";
  if (::mount(hosts.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr) == -1) return "mount /etc/hosts";
  const ipc::UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  if (::ioctl(any.get(), SIOCSIFFLAGS, &request) == -1) return "SIOCSIFFLAGS";
  std::ofstream off("/proc/sys/net/ipv6/conf/all/disable_ipv6");
  off << "1" << std::flush;
  return {};
}

TEST(ListenerSet, OfANameIsListenedOnWhatIsThere) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const test::TempFolder folder;
  EXPECT_EQ(test::in_child([&]() -> std::string {
              if (const auto failed = leave_ipv6(folder.file("hosts")); !failed.empty()) return failed;
              for (const std::string port : {"7417"}) {
                const ListenerSet set(options({{tcp("localhost", port)}}));
                if (set.listeners().size() != 1) return "listeners: " + std::to_string(set.listeners().size());
                const std::string& address = set.listeners()[0].address;
                if (!address.starts_with("tcp://127.0.0.1:")) return address;
                if (set.remarks().size() != 1) return "remarks: " + std::to_string(set.remarks().size());
                const std::string wanted = "test.conf:7: tcp://localhost:" + port +
                                           " is not listened on at tcp://[::1]:" + port +
                                           ": Cannot assign requested address";
                if (set.remarks()[0] != wanted) return set.remarks()[0];
              }
              try {
                const ListenerSet none(options({{tcp("::1", "7417")}}));
                return "an address that is not there";
              } catch (const StartupError& error) {
                return error.what();
              }
            }),
            "test.conf:7: bind tcp://[::1]:7417: Cannot assign requested address");
}

TEST(ListenerSet, APortInUseIsToldWithItsPlace) {
  const test::TempFolder folder;
  const ListenerSet holder(options({{tcp("127.0.0.1")}}));
  const std::string port = std::to_string(port_of(holder.listeners()[0].sockets[0]->get()));
  const auto before = test::open_descriptors();
  const auto refused = refusal(options({{local(folder.file("s")), tcp("127.0.0.1", port)}}));
  EXPECT_EQ(refused.code, EX_UNAVAILABLE);
  EXPECT_EQ(refused.text, "test.conf:7: bind tcp://127.0.0.1:" + port + ": Address already in use");
  EXPECT_NE(::access(folder.file("s").c_str(), F_OK), 0) << "what was bound before is taken back";
  EXPECT_EQ(test::open_descriptors(), before);
}

// Goal: a port that is being let go, by workers of a killed master, is had as soon as it is free.
TEST(ListenerSet, APortThatIsLetGoIsWaitedFor) {
  std::optional<ListenerSet> holder(std::in_place, options({{inet(ListenScheme::udp, "127.0.0.1", "0")}}));
  const std::string port = std::to_string(port_of(holder->listeners()[0].sockets[0]->get()));
  const pid_t child = ::fork();
  if (child == 0) {
    ::poll(nullptr, 0, 100);  // holds the port for a moment, which is what is tested
    ::_exit(0);
  }
  holder.reset();
  EXPECT_EQ(refusal(options({{inet(ListenScheme::udp, "127.0.0.1", port)}})).text, "");
  test::reap(child);
}

class UnixListener : public testing::Test {
 protected:
  test::TempFolder folder;
  std::string path = folder.file("s");
};

TEST_F(UnixListener, FileHasItsModeAndGoesWithItsOwner) {
  for (const mode_t mode : {0600U, 0660U, 0666U, 0777U}) {
    auto spec = local(path);
    spec.mode = mode;
    {
      const ListenerSet set(options({{spec}}));
      struct stat status {};
      ASSERT_EQ(::lstat(path.c_str(), &status), 0);
      EXPECT_EQ(status.st_mode & 0777, mode);
      EXPECT_TRUE(S_ISSOCK(status.st_mode));
    }
    EXPECT_NE(::access(path.c_str(), F_OK), 0);
  }
}

TEST_F(UnixListener, AForkedChildRemovesNothing) {
  std::optional<ListenerSet> set(std::in_place, options({{local(path)}}));
  EXPECT_EQ(test::in_child([&] {
              set.reset();
              return std::string();
            }),
            "");
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
}

TEST_F(UnixListener, AStaleFileIsReplacedAndALiveOneRefused) {
  for (const bool datagram : {false, true}) {
    const std::string failure = test::in_child([&] {
      const auto* left = new ListenerSet(options({{local(path, datagram)}}));  // as if killed: never destroyed
      return left->listeners().size() == 1 ? std::string() : std::string("not bound");
    });
    ASSERT_EQ(failure, "");
    ASSERT_EQ(::access(path.c_str(), F_OK), 0);
    const ListenerSet set(options({{local(path, datagram)}}));
    const auto refused = refusal(options({{local(path, datagram)}}));
    EXPECT_EQ(refused.code, EX_UNAVAILABLE);
    EXPECT_THAT(refused.text,
                HasSubstr("test.conf:8: bind " + local(path, datagram).address + ": Address already in use"));
    EXPECT_EQ(::access(path.c_str(), F_OK), 0) << "the live one's file stays";
  }
}

TEST_F(UnixListener, OtherFilesAreNotTouched) {
  std::ofstream(path) << "precious";
  EXPECT_THAT(refusal(options({{local(path)}})).text, HasSubstr("File exists"));
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
}

TEST_F(UnixListener, GoesOnInTheNextSetAndGetsItsMode) {
  config::ListenSpec spec = local(path);
  std::optional<ListenerSet> before(std::in_place, options({{spec}}));
  spec.mode = 0600;
  const ListenerSet after(options({{spec}}), &*before);
  EXPECT_EQ(after.listeners()[0].sockets, before->listeners()[0].sockets) << "one socket of both";
  before.reset();
  struct stat status {};
  ASSERT_EQ(::lstat(path.c_str(), &status), 0) << "the last one removes the file";
  EXPECT_EQ(status.st_mode & 0777, 0660U);
  after.apply_options();
  ASSERT_EQ(::lstat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(UnixListener, AFileInItsPlaceKeepsItsMode) {
  config::ListenSpec spec = local(path);
  spec.mode = 0666;
  const ListenerSet set(options({{spec}}));
  const std::string precious = path + ".precious";
  std::ofstream(precious) << "secret";
  ASSERT_EQ(::chmod(precious.c_str(), 0600), 0);
  ASSERT_EQ(::unlink(path.c_str()), 0);
  ASSERT_EQ(::symlink(precious.c_str(), path.c_str()), 0);
  set.apply_options();
  struct stat status {};
  ASSERT_EQ(::stat(precious.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(UnixListener, AFileThatIsAnotherOnesByNowStays) {
  {
    const ListenerSet set(options({{local(path)}}));
    ::unlink(path.c_str());
    std::ofstream(path) << "another";
  }
  EXPECT_EQ(::access(path.c_str(), F_OK), 0);
}

TEST_F(UnixListener, AFileThatSomebodyRemovedIsMadeAnewByTheNextSet) {
  for (const bool replaced : {false, true}) {
    const auto spec = local(path);
    std::optional<ListenerSet> before(std::in_place, options({{spec}}));
    ASSERT_EQ(::unlink(path.c_str()), 0);
    std::optional<ListenerSet> another;
    if (replaced) another.emplace(options({{spec}}));
    if (replaced) {
      EXPECT_EQ(refusal(options({{spec}}), &*before).code, EX_UNAVAILABLE) << "it is somebody else's by now";
      continue;
    }
    const ListenerSet after(options({{spec}}), &*before);
    EXPECT_NE(after.listeners()[0].sockets, before->listeners()[0].sockets);
    EXPECT_EQ(after.remarks(), std::vector<std::string>{"unix:" + path + " was removed by somebody: it is made again"});
    before.reset();
    EXPECT_EQ(::access(path.c_str(), F_OK), 0) << "the old one's end takes nothing away";
    const ipc::UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
}

TEST_F(UnixListener, FileHasItsOwnerAndItsGroup) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  config::ListenSpec spec = local(path);
  spec.owner = "daemon";
  spec.group = "54321";
  spec.mode = 0620;
  std::optional<ListenerSet> set(std::in_place, options({{spec}}));
  struct stat status {};
  ASSERT_EQ(::lstat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, ::getpwnam("daemon")->pw_uid);
  EXPECT_EQ(status.st_gid, 54321U);
  EXPECT_EQ(status.st_mode & 0777, 0620U);
  spec.group = "54322";
  const ListenerSet after(options({{spec}}), &*set);
  after.apply_options();
  ASSERT_EQ(::lstat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_gid, 54322U);
  set.reset();
  spec.group = "no-such-group-x";
  const auto refused = refusal(options({{spec}}), &after);
  EXPECT_EQ(refused.code, EX_NOUSER);
  EXPECT_EQ(refused.text, "test.conf:8: unix:" + path + ": no group \"no-such-group-x\"");
  spec.group = "54321";
  EXPECT_EQ(test::in_child([&]() -> std::string {
              if (::setresuid(65534, 65534, 65534) != 0) return "setresuid";
              config::ListenSpec other = spec;
              other.path = path + "2";
              other.address = "unix:" + other.path;
              const auto denied = refusal(options({{other}}));
              if (::access(other.path.c_str(), F_OK) == 0) return "the file is left";
              return denied.text;
            }),
            "test.conf:8: bind unix:" + path + "2: Permission denied");
  ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
  EXPECT_EQ(test::in_child([&]() -> std::string {
              if (::setresuid(65534, 65534, 65534) != 0) return "setresuid";
              config::ListenSpec other = spec;
              other.path = path + "2";
              other.address = "unix:" + other.path;
              const auto denied = refusal(options({{other}}));
              if (::access(other.path.c_str(), F_OK) == 0) return "the file is left";
              return denied.text;
            }),
            "test.conf:8: chown unix:" + path + "2: Operation not permitted");
}

// Goal: of many that find a stale file at once one gets the address, and the file is his.
TEST_F(UnixListener, OneOfManyReplacesAStaleFile) {
  for (int round = 0; round < 20; ++round) {
    const std::string failure = test::in_child([&] {
      const auto* left = new ListenerSet(options({{local(path)}}));  // as if killed: never destroyed
      return left->listeners().size() == 1 ? std::string() : std::string("not bound");
    });
    ASSERT_EQ(failure, "");
    int go[2], bound[2], end[2];
    for (int* ends : {go, bound, end}) ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
      children.push_back(::fork());
      if (children.back() != 0) continue;
      ::close(go[1]), ::close(end[1]);
      char byte = 0;
      [[maybe_unused]] ssize_t n = ::read(go[0], &byte, 1);
      try {
        const ListenerSet set(options({{local(path)}}));
        n = ::write(bound[1], "b", 1);
        n = ::read(end[0], &byte, 1);
      } catch (const StartupError&) {
        n = ::write(bound[1], "r", 1);
      }
      ::_exit(0);
    }
    ::close(go[1]);
    std::string outcomes;
    while (outcomes.size() < children.size() && test::wait_for(bound[0], POLLIN)) {
      char byte = 0;
      if (::read(bound[0], &byte, 1) == 1) outcomes += byte;
    }
    EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), 'b'), 1) << outcomes;
    const ipc::UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, path.size());
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(end[1]);
    for (const pid_t child : children) test::reap(child);
    for (const int fd : {go[0], bound[0], bound[1], end[0]}) ::close(fd);
    ::unlink(path.c_str());
  }
}

TEST_F(UnixListener, PathsThatDoNotFitAreRefused) {
  EXPECT_THAT(refusal(options({{local(folder.file(std::string(108, 'p')))}})).text, HasSubstr("File name too long"));
  EXPECT_THAT(refusal(options({{local("/no/such/s")}})).text, HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace prefork::master
