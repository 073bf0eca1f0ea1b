#include "ipc/posix/socket_address.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

namespace prefork::ipc {
namespace {

sockaddr_in v4(const char* host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

sockaddr_in6 v6(const char* host, std::uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  ::inet_pton(AF_INET6, host, &address.sin6_addr);
  return address;
}

sockaddr_un unix_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// The bytes are copied to the heap, where a sanitizer sees each byte that is read too far.
template <class Address>
std::string format(const Address& address, std::size_t bytes = sizeof(Address)) {
  const auto copy = std::make_unique<char[]>(bytes);
  std::memcpy(copy.get(), &address, bytes);
  return format_socket_address(copy.get(), bytes);
}

TEST(SocketAddress, Formats) {
  EXPECT_EQ(format(v4("192.0.2.7", 51234)), "192.0.2.7:51234");
  EXPECT_EQ(format(v4("0.0.0.0", 0)), "0.0.0.0:0");
  EXPECT_EQ(format(v6("2001:db8::1", 443)), "[2001:db8::1]:443");
  EXPECT_EQ(format(v6("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 65535)),
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
  EXPECT_EQ(format(v6("::ffff:192.0.2.7", 1)), "[::ffff:192.0.2.7]:1");
  EXPECT_EQ(format(unix_of("/run/x.sock")), "unix:/run/x.sock");
}

TEST(SocketAddress, UnixPathsMayFillTheirField) {
  const std::string longest(sizeof(sockaddr_un::sun_path), 'p');
  EXPECT_EQ(format(unix_of(longest)), "unix:" + longest);
  EXPECT_EQ(format(unix_of("/abc"), offsetof(sockaddr_un, sun_path) + 2), "unix:/a");
}

TEST(SocketAddress, UnnamedUnixPeers) {
  EXPECT_EQ(format(unix_of(""), sizeof(sa_family_t)), "unix");
  EXPECT_EQ(format(unix_of("")), "unix");
  EXPECT_EQ(format(sockaddr_storage{}), "unix") << "what is kept of a unix stream's peer";
  EXPECT_EQ(format_socket_address(nullptr, 0), "unix") << "recvmsg(2) gives no bytes at all for an unnamed peer";
}

TEST(SocketAddress, CutBytesAreAQuestionMark) {
  for (std::size_t bytes = 1; bytes < sizeof(sockaddr_in); ++bytes)
    EXPECT_EQ(format(v4("1.2.3.4", 5), bytes), "?") << bytes;
  for (std::size_t bytes = 1; bytes < sizeof(sockaddr_in6); ++bytes)
    EXPECT_EQ(format(v6("::1", 5), bytes), "?") << bytes;
  for (std::size_t bytes = 2; bytes < sizeof(sockaddr_un); ++bytes) {
    EXPECT_EQ(format(unix_of("/run/x.sock"), bytes).rfind("unix", 0), 0U) << bytes;
  }
}

TEST(SocketAddress, OtherFamiliesAreAQuestionMark) {
  sockaddr_storage address{};
  address.ss_family = AF_NETLINK;
  EXPECT_EQ(format(address), "?");
  address.ss_family = 0xffff;
  EXPECT_EQ(format(address), "?");
}

TEST(SocketAddress, AnyBytesGiveABoundedText) {
  std::minstd_rand random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<unsigned char> bytes(random() % 200 + 1);
    for (auto& byte : bytes) byte = static_cast<unsigned char>(random());
    if (bytes.size() > 1) bytes[0] = static_cast<unsigned char>(random() % 12), bytes[1] = 0;
    const auto copy = std::make_unique<unsigned char[]>(bytes.size());
    std::memcpy(copy.get(), bytes.data(), bytes.size());
    const std::string text = format_socket_address(copy.get(), bytes.size());
    ASSERT_FALSE(text.empty());
    ASSERT_LE(text.size(), 5 + sizeof(sockaddr_un::sun_path));
  }
}

}  // namespace
}  // namespace prefork::ipc
