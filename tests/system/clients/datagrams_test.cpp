// Goal: UDP over IP works as its clients need it. An answer comes from the address that was asked, whichever of this
// host's that is; a datagram with a forged sender can't make the server's sockets answer each other.
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <cstring>

#include "ipc/posix/unique_fd.hpp"
#include "tests/system/support/harness.hpp"

namespace prefork::system_test {
namespace {

bool have_ipv6() { return read_file("/proc/net/if_inet6").find(" lo") != std::string::npos; }

Address at(const std::string& host, const std::string& port) { return Address("udp://" + host + ":" + port); }

struct Asked {
  const char* name;
  const char* listen;
  std::vector<std::string> hosts;
};

class DatagramSource : public testing::TestWithParam<Asked> {};

// A client that has connected its socket hears nobody else.
TEST_P(DatagramSource, IsTheAddressThatWasAsked) {
  if (std::string(GetParam().listen).find('[') != std::string::npos && !have_ipv6()) GTEST_SKIP() << "no IPv6 here";
  Server server("[pool main]\nworkers = 1\n[service it]\nplugin = upper\nlisten = udp://" +
                std::string(GetParam().listen) + "\n");
  server.ready(1);
  const std::string port = server.address("it").port();
  for (const std::string& host : GetParam().hosts) {
    Client client(at(host, port));
    for (int i = 0; i < 40; ++i) client.send("a" + std::to_string(i));  // more than a batch
    for (int i = 0; i < 40; ++i) ASSERT_EQ(client.receive(), "A" + std::to_string(i)) << host;
  }
  EXPECT_TRUE(server.stops_clean());
}

INSTANTIATE_TEST_SUITE_P(Of, DatagramSource,
                         testing::Values(Asked{"Ipv4", "0.0.0.0:0", {"127.0.0.1", "127.0.0.2", "127.1.2.3"}},
                                         Asked{"EveryIpv4", "*:0 reuseport", {"127.0.0.2"}},
                                         Asked{"Ipv6", "[::]:0", {"[::1]"}},
                                         Asked{"Both", "[::]:0 ipv6only=off", {"[::1]", "127.0.0.1", "127.0.0.2"}},
                                         Asked{"One", "127.0.0.2:0", {"127.0.0.2"}}),
                         [](const auto& tested) { return std::string(tested.param.name); });

/// Sends a datagram with any sender. For root.
void forge(const std::string& from_host, const std::string& from_port, const Address& to, std::string_view text) {
  const Address from = at(from_host, from_port);
  const auto& source = reinterpret_cast<const sockaddr_in&>(from.storage);
  const auto& destination = reinterpret_cast<const sockaddr_in&>(to.storage);
  struct {
    iphdr ip;
    udphdr udp;
    char text[64];
  } packet{};
  ASSERT_LE(text.size(), sizeof packet.text);
  const std::size_t length = sizeof packet.ip + sizeof packet.udp + text.size();
  packet.ip.version = 4;
  packet.ip.ihl = sizeof packet.ip / 4;
  packet.ip.ttl = 64;
  packet.ip.protocol = IPPROTO_UDP;
  packet.ip.saddr = source.sin_addr.s_addr;
  packet.ip.daddr = destination.sin_addr.s_addr;
  packet.ip.tot_len = htons(static_cast<std::uint16_t>(length));
  packet.udp.source = source.sin_port;
  packet.udp.dest = destination.sin_port;
  packet.udp.len = htons(static_cast<std::uint16_t>(sizeof packet.udp + text.size()));  // no checksum
  std::memcpy(packet.text, text.data(), text.size());
  const ipc::UniqueFd raw(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  ASSERT_TRUE(raw.is_open()) << std::strerror(errno);
  const auto* address = reinterpret_cast<const sockaddr*>(&to.storage);
  ASSERT_EQ(::sendto(raw.get(), &packet, length, 0, address, to.length), static_cast<ssize_t>(length))
      << std::strerror(errno);
}

TEST(ForgedDatagrams, OfOurOwnAddressesAreDropped) {
  SKIP_UNLESS_ROOT();
  Server server(
      "[pool main]\nworkers = 1\n[pool other]\nworkers = 1\n[service any]\nplugin = echo\nlisten = udp://0.0.0.0:0\n"
      "[service one]\nplugin = echo\nlisten = udp://127.0.0.1:0\n"
      "[service elsewhere]\nplugin = upper\npool = other\nlisten = udp://127.0.0.3:0\n");
  server.ready(2);
  const std::string any = server.address("any").port(), one = server.address("one").port();
  const std::string elsewhere = server.address("elsewhere").port();
  struct Forged {
    const char* host;
    const std::string& port;
    Address to;
  };
  const std::vector<Forged> all{
      {"127.0.0.1", any, at("127.0.0.1", any)},        // to itself
      {"127.0.0.2", any, at("127.0.0.1", any)},        // to itself, at another address
      {"127.0.0.1", one, at("127.0.0.1", one)},        //
      {"127.0.0.1", one, at("127.0.0.2", any)},        // to another socket of the worker
      {"127.0.0.3", elsewhere, at("127.0.0.1", one)},  // of another pool
      {"127.0.0.1", one, at("127.0.0.3", elsewhere)},  //
  };
  for (const Forged& forged : all) forge(forged.host, forged.port, forged.to, "x");
  const auto datagrams = [&] { return server.status()["totals"]["datagrams"].get<std::size_t>(); };
  EXPECT_TRUE(eventually([&] { return datagrams() >= all.size(); }));
  const std::vector<Address> sockets{at("127.0.0.1", any), at("127.0.0.1", one), at("127.0.0.3", elsewhere)};
  for (int i = 0; i < 10; ++i) {
    for (const Address& address : sockets) EXPECT_EQ(Client(address).send("1").receive(), "1");
  }
  EXPECT_EQ(datagrams(), all.size() + 30) << "none went to and fro";
  EXPECT_TRUE(server.logged("claim to come from this server's own sockets: 1, the last one from 127.0.0.", 3));
  EXPECT_TRUE(server.stops_clean());
}

TEST(ForgedDatagrams, AreAnsweredWhereTheyAreNone) {
  Server server("[pool main]\nworkers = 1\n[service it]\nplugin = echo\nlisten = udp://127.0.0.1:0\n");
  server.ready(1);
  const Address address = server.address("it");
  // Another address of this host, with the same port, is somebody else.
  const ipc::UniqueFd other(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const Address name = at("127.0.0.2", address.port());
  ASSERT_EQ(::bind(other.get(), reinterpret_cast<const sockaddr*>(&name.storage), name.length), 0);
  ASSERT_EQ(::connect(other.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.length), 0);
  ASSERT_EQ(::send(other.get(), "x", 1, 0), 1);
  char back = 0;
  EXPECT_TRUE(eventually([&] { return ::recv(other.get(), &back, 1, MSG_DONTWAIT) == 1; }));
  EXPECT_EQ(back, 'x');
  EXPECT_TRUE(server.stops_clean());
}

}  // namespace
}  // namespace prefork::system_test
