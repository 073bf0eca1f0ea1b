// Goal: behind a real haproxy a service sees its clients, not the proxy, by either version of the PROXY protocol.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/posix/unique_fd.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

/// The socket's own end, as the other side should see it; a port that is free because it was bound and released again.
std::string own_address(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

std::string free_address() {
  const ipc::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return own_address(fd.get());
}

bool connects(const std::string& address) {
  try {
    Client client(Address("tcp://" + address));
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

TEST(BehindHaproxy, ServicesSeeTheClient) {
  const std::string haproxy = "/usr/sbin/haproxy";
  if (::access(haproxy.c_str(), X_OK) != 0) GTEST_SKIP() << "needs haproxy";
  for (const std::string word : {"send-proxy", "send-proxy-v2"}) {
    Server server(
        "[pool main]\nworkers = 2\n[service who]\nplugin = {plugins}/who.so\nlisten = unix:{dir}/who.sock "
        "proxy-protocol\n");
    server.ready(2);
    const std::string front = free_address(), config = server.dir() / "haproxy.cfg";
    write_file(config,
               "global\n  maxconn 100\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 20s\n"
               "  timeout server 20s\nlisten front\n  bind " +
                   front + "\n  server us " + (server.dir() / "who.sock") + " " + word + "\n");
    Process proxy(Command{{haproxy, "-db", "-f", config}, {}, {}, {}}, server.dir() / "haproxy.out",
                  server.dir() / "haproxy.err");
    ASSERT_TRUE(eventually([&] { return connects(front); })) << read_file(server.dir() / "haproxy.err");
    Client client(Address("tcp://" + front));
    const std::string answer = client.send("GET / HTTP/1.0\r\n\r\n").receive_to_end();
    EXPECT_TRUE(answer.ends_with("\r\n\r\n" + own_address(client.fd()))) << word << ": " << answer;
    proxy.signal(SIGTERM);
    EXPECT_TRUE(proxy.wait()) << word;
    EXPECT_TRUE(server.stops_clean());
  }
}

TEST(ProxyProtocol, IsRequiredWhereItIsConfigured) {
  Server server(
      "[pool main]\nworkers = 1\n[service who]\nplugin = {plugins}/who.so\nlisten = tcp://127.0.0.1:0 "
      "proxy-protocol\n[service echo]\nplugin = echo\nlisten = tcp://127.0.0.1:0 proxy-protocol\n");
  server.ready(1);
  const std::string header = "PROXY TCP6 2001:db8::7 ::1 4711 80\r\n";
  EXPECT_TRUE(ask(server.address("who"), header + "GET / HTTP/1.0\r\n\r\n").ends_with("[2001:db8::7]:4711"));
  EXPECT_EQ(ask(server.address("who"), "GET / HTTP/1.0\r\n\r\n"), "");
  Client client(server.address("echo"));
  EXPECT_EQ(client.send(header + "hello").receive_exactly(5), "hello");
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
