#include "framework/master/generation/inherited_sockets.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstddef>

#include "framework/config/listen.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

constexpr int kFirst = 200;  // where the test has its sockets

/// A socket as the service manager makes it.
struct Given {
  std::string name;
  int family, type;
  std::string path{};  ///< of unix sockets; "@name": abstract
  bool listening = true;
  bool ipv6only = false;
};

void make(const Given& given, int as_fd) {
  const ipc::UniqueFd fd(ipc::check_syscall(::socket(given.family, given.type, 0), "socket"));
  sockaddr_storage address{};
  socklen_t length = sizeof(sockaddr_in6);
  address.ss_family = static_cast<sa_family_t>(given.family);
  if (given.family == AF_INET) reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (given.family == AF_UNIX) {
    auto& local = reinterpret_cast<sockaddr_un&>(address);
    given.path.copy(local.sun_path, given.path.size());
    if (given.path.front() == '@') local.sun_path[0] = '\0';
    length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + given.path.size());
  }
  const int only = given.ipv6only ? 1 : 0;
  if (given.family == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  ipc::check_syscall(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length), "bind");
  if (given.type != SOCK_DGRAM && given.listening) ipc::check_syscall(::listen(fd.get(), 5), "listen");
  ipc::check_syscall(::dup2(fd.get(), as_fd), "dup2");
}

InheritedSockets inherit(const std::vector<Given>& sockets) {
  std::string names;
  int fd = kFirst;
  for (const Given& given : sockets) {
    make(given, fd++);
    names += (fd == kFirst + 1 ? "" : ":") + given.name;
  }
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", std::to_string(sockets.size()).c_str(), 1);
  ::setenv("LISTEN_FDNAMES", names.c_str(), 1);
  return InheritedSockets::take_environment(kFirst);
}

config::ListenSpec listen_on(const std::string& text) {
  config::ListenSpec spec = config::parse_listen(text);
  spec.origin.text = "x.conf:3";
  return spec;
}

config::Options serving(const std::vector<std::string>& addresses) {
  config::Options options;
  options.pools.push_back({});
  options.pools[0].name = "main";
  options.services.push_back({});
  options.services[0].name = "s";
  for (const auto& address : addresses) options.services[0].listeners.push_back(listen_on(address));
  return options;
}

/// "tcp://127.0.0.1:4711 (web)" -> the address, of the only one.
std::string address_of(const InheritedSockets& inherited) {
  const std::string text = inherited.unused().at(0);
  return text.substr(0, text.find(' '));
}

ino_t inode(int fd) {
  struct stat status {};
  ::fstat(fd, &status);
  return status.st_ino;
}

TEST(InheritedSockets, AreFoundByAddress) {
  const test::TempFolder folder;
  const std::vector<Given> table{
      {"a", AF_INET, SOCK_STREAM},
      {"a", AF_INET, SOCK_DGRAM},
      {"a", AF_INET6, SOCK_STREAM, {}, true, true},
      {"a", AF_UNIX, SOCK_STREAM, folder.file("s")},
      {"a", AF_UNIX, SOCK_DGRAM, folder.file("d")},
  };
  for (const Given& given : table) {
    InheritedSockets inherited = inherit({given});
    const std::string address = address_of(inherited);
    const ino_t socket = inode(kFirst);
    const ListenerSet set(serving({address}), nullptr, &inherited);
    ASSERT_EQ(set.listeners().size(), 1U) << address;
    EXPECT_EQ(set.listeners()[0].address, address);
    const int fd = set.listeners()[0].sockets.front()->get();
    EXPECT_EQ(inode(fd), socket) << address << " is the same socket";
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_THAT(inherited.unused(), ElementsAre());
  }
  EXPECT_EQ(::access(folder.file("s").c_str(), F_OK), 0) << "the file is the service manager's";
}

TEST(InheritedSockets, AreFoundByNameAndStayThroughAReload) {
  const test::TempFolder folder;
  InheritedSockets inherited = inherit({{"web", AF_INET, SOCK_STREAM},
                                        {"other", AF_INET, SOCK_STREAM},
                                        {"web", AF_UNIX, SOCK_STREAM, "@prefork-test-" + std::to_string(::getpid())},
                                        {"", AF_INET, SOCK_DGRAM}});
  const ListenerSet set(serving({"fd:web", "fd-dgram:unknown"}), nullptr, &inherited);
  ASSERT_EQ(set.listeners().size(), 3U);
  EXPECT_THAT(set.listeners()[0].address, MatchesRegex("tcp://127\\.0\\.0\\.1:[0-9]+"));
  EXPECT_THAT(set.listeners()[1].address, MatchesRegex("unix:@prefork-test-[0-9]+"));
  EXPECT_THAT(set.listeners()[2].address, MatchesRegex("udp://127\\.0\\.0\\.1:[0-9]+"));
  EXPECT_EQ(set.listeners()[0].spec.scheme, config::ListenScheme::tcp);
  EXPECT_THAT(inherited.unused(), ElementsAre(MatchesRegex("tcp://.* \\(other\\)")));

  const auto first = [](const ListenerSet& of) { return of.listeners()[0].sockets.front(); };
  const ListenerSet same(serving({"fd:web"}), &set);
  ASSERT_EQ(same.listeners().size(), 2U);
  EXPECT_EQ(first(same), first(set));
  const ListenerSet by_address(serving({set.listeners()[0].address}), &same);
  EXPECT_EQ(first(by_address), first(set));
  const ListenerSet by_name_again(serving({"fd:web"}), &by_address);
  EXPECT_EQ(first(by_name_again), first(set));
  const std::string unknown = "x.conf:3: fd:new: no socket of this name was inherited";
  EXPECT_THAT(test::thrown_by([&] { ListenerSet(serving({"fd:new"}), &set); }), HasSubstr(unknown));
}

TEST(InheritedSockets, ThatDoNotFitAreRefusedInASentence) {
  const test::TempFolder folder;
  struct Row {
    Given given;
    std::string listen;  ///< `{}` is the socket's address
    std::string sentence;
  };
  const std::string file = folder.file("s");
  const std::vector<Row> table{
      {{"web", AF_INET, SOCK_DGRAM}, "fd:web", "takes datagrams, not connections"},
      {{"web", AF_INET, SOCK_STREAM}, "fd-dgram:web", "takes connections, not datagrams"},
      {{"web", AF_UNIX, SOCK_DGRAM, file + "1"}, "unix:" + file + "1", "takes datagrams, not connections"},
      {{"web", AF_UNIX, SOCK_SEQPACKET, "@p" + std::to_string(::getpid())},
       "fd:web",
       "is neither TCP nor UDP nor unix"},
      {{"web", AF_INET, SOCK_STREAM, {}, false}, "fd:web", "does not listen: it must be handed over with Accept=no"},
      {{"web", AF_INET, SOCK_STREAM}, "{} reuseport", "is a single one, but reuseport needs one for each worker"},
      {{"web", AF_INET6, SOCK_STREAM}, "{}", "the inherited socket takes IPv4 too"},
      {{"web", AF_INET6, SOCK_STREAM, {}, true, true}, "{} ipv6only=off", "the inherited socket takes IPv6 only"},
      {{"web", AF_INET, SOCK_STREAM}, "fd:Web", "no socket of this name was inherited"},
  };
  for (const Row& row : table) {
    InheritedSockets inherited = inherit({row.given});
    std::string listen = row.listen;
    if (listen.starts_with("{}")) listen.replace(0, 2, address_of(inherited));
    try {
      const ListenerSet set(serving({listen}), nullptr, &inherited);
      ADD_FAILURE() << listen << " was taken, though: " << row.sentence;
    } catch (const StartupError& error) {
      EXPECT_EQ(error.exit_code(), EX_CONFIG);
      EXPECT_THAT(error.what(), testing::StartsWith("x.conf:3: " + listen.substr(0, listen.find(' ')) + ": "));
      EXPECT_THAT(error.what(), HasSubstr(row.sentence));
    }
  }
}

TEST(InheritedSockets, WhatIsMeantForOthersIsLeftAlone) {
  make({"web", AF_INET, SOCK_STREAM}, kFirst);
  ::setenv("LISTEN_PID", std::to_string(::getppid()).c_str(), 1);
  ::setenv("LISTEN_FDS", "1", 1);
  EXPECT_THAT(InheritedSockets::take_environment(kFirst).unused(), ElementsAre());
  EXPECT_EQ(::getenv("LISTEN_FDS"), nullptr);
  EXPECT_NE(::fcntl(kFirst, F_GETFD), -1) << "it is not closed";
  ::close(kFirst);
  EXPECT_THAT(InheritedSockets::take_environment(kFirst).unused(), ElementsAre());
}

TEST(InheritedSockets, ANumberThatCannotBeIsRefused) {
  for (const std::string count : {"-1", "x", "", "99999", "1"}) {
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", count.c_str(), 1);
    EXPECT_THAT(test::thrown_by([] { InheritedSockets::take_environment(kFirst); }), HasSubstr("LISTEN_FDS")) << count;
  }
}

// As systemd hands over FIFOs and files, and what it keeps for a service across restarts.
TEST(InheritedSockets, WhatIsNoSocketCanBeNamedAndIsNotUsed) {
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(null, kFirst);
  ::close(null);
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", "1", 1);
  ::setenv("LISTEN_FDNAMES", "a\nb", 1);
  EXPECT_THAT(InheritedSockets::take_environment(kFirst).unused(), ElementsAre("descriptor 200 (a\\x0ab)"));
  EXPECT_EQ(::fcntl(kFirst, F_GETFD), -1) << "closed with its owner";
}

}  // namespace
}  // namespace prefork::master
