// Goal: every kind of listener and option works, and status shows the port that the system chose.
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <set>

#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

bool have_ipv6() { return read_file("/proc/net/if_inet6").find(" lo") != std::string::npos; }

std::string echo_on(const std::string& listen) {
  return "[pool main]\nworkers = 2\n[service echo]\nplugin = echo\n" + listen;
}

TEST(Listeners, EveryKindIsServed) {
  if (!have_ipv6()) GTEST_SKIP() << "no IPv6 here";
  Server server(
      echo_on("listen = tcp://127.0.0.1:0\nlisten = tcp://[::1]:0\nlisten = udp://127.0.0.1:0\n"
              "listen = udp://[::1]:0\nlisten = unix:{dir}/a.sock\nlisten = unix-dgram:{dir}/b.sock\n"
              "listen = tcp://*:0\n"));
  server.ready(2);
  const Json listeners = server.status()["listeners"];
  ASSERT_EQ(listeners.size(), 7U);
  const char* schemes[] = {"tcp", "tcp", "udp", "udp", "unix", "unix-dgram", "tcp"};
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(listeners[i]["scheme"], schemes[i]);
    const Address address = server.address("echo", i);
    EXPECT_FALSE(address.text.ends_with(":0"));
    Client client(address);
    for (const std::string text : {"one", "two", "three"}) {
      EXPECT_EQ(client.send(text).receive_exactly(text.size()), text) << address.text;
    }
  }
  EXPECT_EQ(server.status()["totals"]["datagrams"], 9);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Listeners, LocalhostIsEveryAddressThatItStandsFor) {
  Server server(echo_on("listen = tcp://localhost:0\n"));
  server.ready(2);
  Client client(server.address("echo"));
  EXPECT_EQ(client.send("hi").receive_exactly(2), "hi");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Listeners, AllOptions) {
  Server server(
      echo_on("listen = tcp://127.0.0.1:0 backlog=7 reuseport nodelay=off\n"
              "listen = udp://127.0.0.1:0 reuseport\nlisten = unix:{dir}/a.sock mode=0666 backlog=3\n"));
  server.ready(2);
  for (std::size_t i = 0; i < 3; ++i) {
    for (int k = 0; k < 20; ++k) {  // with reuseport any worker must serve any queue
      Client client(server.address("echo", i));
      EXPECT_EQ(client.send("hi").receive_exactly(2), "hi");
    }
  }
  struct stat status {};
  ASSERT_EQ(::stat((server.dir() / "a.sock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0666U);
  EXPECT_TRUE(server.stops_clean());
}

TEST(Listeners, ReuseportStrandsNobodyWhenWorkersGo) {
  Server server("[pool main]\nworkers = 4\n[service echo]\nplugin = echo\nlisten = tcp://127.0.0.1:0 reuseport\n");
  server.ready(4);
  EXPECT_EQ(server.ctl({"scale", "main", "1"}).code, 0);
  server.ready(1);
  for (int i = 0; i < 40; ++i) {
    Client client(server.address("echo"));
    EXPECT_EQ(client.send("hi").receive_exactly(2), "hi");
  }
  EXPECT_TRUE(server.stops_clean());
}

TEST(Listeners, Ipv6OnlyOffAlsoTakesIpv4) {
  if (!have_ipv6()) GTEST_SKIP() << "no IPv6 here";
  Server server(echo_on("listen = tcp://[::]:0 ipv6only=off\nlisten = tcp://[::]:0\n"));
  server.ready(2);
  Client both(Address("tcp://127.0.0.1:" + server.address("echo", 0).port()));
  EXPECT_EQ(both.send("hi").receive_exactly(2), "hi");
  EXPECT_THROW(Client(Address("tcp://127.0.0.1:" + server.address("echo", 1).port())), std::system_error);
  Client six(Address("tcp://[::1]:" + server.address("echo", 1).port()));
  EXPECT_EQ(six.send("hi").receive_exactly(2), "hi");
  EXPECT_TRUE(server.stops_clean());
}

TEST(Listeners, AUnixSocketsModeIsItsDoor) {
  const auto user = other_user();
  if (!user) GTEST_SKIP() << "needs root and another user";
  SKIP_UNLESS_HAVE("nc");
  Server server(echo_on("listen = unix:{dir}/closed.sock mode=0600\nlisten = unix:{dir}/open.sock mode=0666\n"));
  server.ready(2);
  const auto knock = [&](const std::string& name) {
    return run({.argv = {"nc", "-z", "-U", server.dir() / name}, .user = user}).code;
  };
  EXPECT_NE(knock("closed.sock"), 0);
  EXPECT_EQ(knock("open.sock"), 0);
  EXPECT_TRUE(server.stops_clean());
}

int unix_socket(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  EXPECT_EQ(::listen(fd, 5), 0);
  return fd;
}

TEST(Listeners, AStaleUnixSocketIsReplacedALiveOneIsNot) {
  const TempDir dir;
  ::close(unix_socket(dir / "stale.sock"));
  const int live = unix_socket(dir / "live.sock");
  Server server(echo_on("listen = unix:" + (dir / "stale.sock") + "\n"));
  server.ready(2);
  Client client(server.address("echo"));
  EXPECT_EQ(client.send("hi").receive_exactly(2), "hi");
  EXPECT_TRUE(server.stops_clean());
  const Outcome refused = start_with(dir, echo_on("listen = unix:{dir}/live.sock\n"));
  EXPECT_EQ(refused.code, 69);
  EXPECT_THAT(refused.err, testing::HasSubstr("prefork.conf:5: bind unix:"));
  EXPECT_TRUE(exists(dir / "live.sock"));
  write_file(dir / "file", "precious");
  EXPECT_EQ(start_with(dir, echo_on("listen = unix:{dir}/file\n")).code, 69);
  EXPECT_EQ(read_file(dir / "file"), "precious");
  ::close(live);
}

}  // namespace
}  // namespace prefork::system_test
