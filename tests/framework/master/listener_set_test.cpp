#include "framework/master/listener_set.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>

#include <fstream>
#include <optional>

#include "framework/master/startup_error.hpp"
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
Refusal refusal(const config::Options& wanted) {
  try {
    const ListenerSet set(wanted);
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

TEST_F(UnixListener, PathsThatDoNotFitAreRefused) {
  EXPECT_THAT(refusal(options({{local(folder.file(std::string(108, 'p')))}})).text, HasSubstr("File name too long"));
  EXPECT_THAT(refusal(options({{local("/no/such/s")}})).text, HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace prefork::master
