#include "framework/worker/net/datagram_socket.hpp"

#include <gtest/gtest.h>
#include <sys/un.h>

#include <optional>
#include <set>

#include "tests/framework/worker/harness.hpp"

namespace prefork::worker {
namespace {

using namespace test;

ipc::UniqueFd udp(sockaddr_in& address) {
  ipc::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ipc::check_syscall(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length), "bind");
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return fd;
}

struct DatagramTest : testing::Test, Served {
  void listen_on(int fd) {
    socket = std::make_unique<DatagramSocket>(host, fd, protocol_of(service), std::make_shared<DatagramBatch>());
    socket->arm();
  }
  std::optional<std::string> receive_one(int fd) {
    std::string bytes(70'000, '\0');
    ssize_t n = -1;
    EXPECT_TRUE(turn_until([&] { return (n = ::recv(fd, bytes.data(), bytes.size(), 0)) >= 0; }));
    if (n < 0) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(n));
    return bytes;
  }
  std::unique_ptr<DatagramSocket> socket;
};

TEST_F(DatagramTest, ABatchOfAHundredIsAnswered) {
  sockaddr_in server_address, client_address;
  const auto server = udp(server_address), client = udp(client_address);
  service.datagram = [](Datagram& packet) { packet.reply("re: " + std::string(packet.bytes())); };
  listen_on(server.get());
  for (int i = 0; i < 100; ++i) {
    const std::string text = std::to_string(i);
    ASSERT_GT(::sendto(client.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&server_address),
                       sizeof server_address),
              0);
  }
  std::set<std::string> answers;
  for (int i = 0; i < 100; ++i) answers.insert(receive_one(client.get()).value_or("none"));
  EXPECT_EQ(answers.size(), 100U);
  EXPECT_TRUE(answers.contains("re: 0") && answers.contains("re: 99"));
  EXPECT_EQ(counter(ipc::Counter::datagrams), 100U);
  EXPECT_EQ(counter(ipc::Counter::replies_dropped), 0U);
}

TEST_F(DatagramTest, AnEmptyDatagramIsADatagram) {
  sockaddr_in server_address, client_address;
  const auto server = udp(server_address), client = udp(client_address);
  service.datagram = [](Datagram& packet) { packet.reply(std::to_string(packet.bytes().size())); };
  listen_on(server.get());
  ::sendto(client.get(), "", 0, 0, reinterpret_cast<sockaddr*>(&server_address), sizeof server_address);
  EXPECT_EQ(receive_one(client.get()), "0");
}

TEST_F(DatagramTest, RepliesToADeadPeerOrTooLongAreCountedAndTheRestGoes) {
  sockaddr_in server_address, client_address;
  const auto server = udp(server_address), client = udp(client_address);
  service.datagram = [](Datagram& packet) {
    packet.reply(std::string(65'530, 'x'));  // more than UDP can carry
    packet.reply(std::string(100'000, 'x'));
    packet.reply("ok");
  };
  listen_on(server.get());
  ::sendto(client.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&server_address), sizeof server_address);
  EXPECT_EQ(receive_one(client.get()), "ok");
  EXPECT_EQ(counter(ipc::Counter::replies_dropped), 2U);
  EXPECT_EQ(counter(ipc::Counter::bytes_out), 2U);
}

TEST_F(DatagramTest, AnExceptionIsLoggedAndTheNextIsServed) {
  sockaddr_in server_address, client_address;
  const auto server = udp(server_address), client = udp(client_address);
  service.datagram = [](Datagram& packet) {
    if (packet.bytes() == "bad") throw std::runtime_error("odd");
    packet.reply("fine");
  };
  listen_on(server.get());
  for (const std::string_view text : {"bad", "good"}) {
    ::sendto(client.get(), text.data(), text.size(), 0, reinterpret_cast<sockaddr*>(&server_address),
             sizeof server_address);
  }
  EXPECT_EQ(receive_one(client.get()), "fine");
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_EQ(log.lines[0], "test: datagram of 127.0.0.1:" + std::to_string(ntohs(client_address.sin_port)) + ": odd");
}

TEST_F(DatagramTest, APeerCanBeAnsweredLater) {
  sockaddr_in server_address, client_address;
  const auto server = udp(server_address), client = udp(client_address);
  std::optional<DatagramPeer> peer;
  service.datagram = [&](Datagram& packet) { peer = packet.peer(); };
  listen_on(server.get());
  ::sendto(client.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&server_address), sizeof server_address);
  EXPECT_TRUE(turn_until([&] { return peer.has_value(); }));
  EXPECT_EQ(peer->address(), "127.0.0.1:" + std::to_string(ntohs(client_address.sin_port)));
  peer->send("later");
  EXPECT_EQ(receive_one(client.get()), "later");
}

TEST_F(DatagramTest, ALateAnswerComesFromTheAddressThatWasAskedToo) {
  sockaddr_in server_address{};
  server_address.sin_family = AF_INET;
  const ipc::UniqueFd server(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&server_address), sizeof server_address), 0);
  socklen_t length = sizeof server_address;
  ::getsockname(server.get(), reinterpret_cast<sockaddr*>(&server_address), &length);
  std::optional<DatagramPeer> peer;
  service.datagram = [&](Datagram& packet) { peer = packet.peer(); };
  listen_on(server.get());
  server_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  const ipc::UniqueFd client(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&server_address), sizeof server_address), 0);
  ASSERT_EQ(::send(client.get(), "x", 1, 0), 1);
  EXPECT_TRUE(turn_until([&] { return peer.has_value(); }));
  peer->send("later");
  EXPECT_EQ(receive_one(client.get()), "later");
}

struct UnixDatagramTest : DatagramTest {
  sockaddr_un address_of(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    folder.file(name).copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }
  ipc::UniqueFd bound(const std::string& name) {
    ipc::UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const auto address = address_of(name);
    ipc::check_syscall(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
    return fd;
  }
  void send_to_server(int from, const std::string& bytes) {
    const auto address = address_of("server");
    ASSERT_EQ(
        ::sendto(from, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof address),
        static_cast<ssize_t>(bytes.size()));
  }
  prefork::test::TempFolder folder;
};

TEST_F(UnixDatagramTest, AnUnnamedPeerCannotBeAnswered) {
  const auto server = bound("server");
  std::string address;
  std::optional<DatagramPeer> peer;
  service.datagram = [&](Datagram& packet) {
    packet.reply("nobody hears");
    address = packet.peer_address();
    peer = packet.peer();
  };
  listen_on(server.get());
  const ipc::UniqueFd unnamed(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  send_to_server(unnamed.get(), "x");
  EXPECT_TRUE(turn_until([&] { return peer.has_value(); }));
  EXPECT_EQ(address, "unix");
  EXPECT_EQ(counter(ipc::Counter::replies_dropped), 1U);
  peer->send("later");
  EXPECT_EQ(counter(ipc::Counter::replies_dropped), 2U);
}

TEST_F(UnixDatagramTest, APeerThatDiedIsCountedAndOthersAreAnswered) {
  const auto server = bound("server");
  auto dead = bound("dead");
  const auto alive = bound("alive");
  send_to_server(dead.get(), "a");
  send_to_server(alive.get(), "b");
  dead.reset();
  ::unlink(folder.file("dead").c_str());
  std::vector<std::string> peers;
  service.datagram = [&](Datagram& packet) {
    peers.push_back(packet.peer_address());
    packet.reply(packet.bytes());
  };
  listen_on(server.get());
  EXPECT_EQ(receive_one(alive.get()), "b");
  EXPECT_EQ(counter(ipc::Counter::replies_dropped), 1U);
  EXPECT_EQ(peers, (std::vector<std::string>{"unix:" + folder.file("dead"), "unix:" + folder.file("alive")}));
}

TEST_F(UnixDatagramTest, WhatIsLongerThanTheBufferIsSaidToBeCut) {
  const auto server = bound("server");
  std::vector<std::pair<std::size_t, bool>> seen;
  service.datagram = [&](Datagram& packet) { seen.emplace_back(packet.bytes().size(), packet.truncated()); };
  listen_on(server.get());
  const auto client = bound("client");
  for (const std::size_t length : {65536U, 65537U, 1U}) send_to_server(client.get(), std::string(length, 'x'));
  EXPECT_TRUE(turn_until([&] { return seen.size() == 3; }));
  EXPECT_EQ(seen, (std::vector<std::pair<std::size_t, bool>>{{65536, false}, {65536, true}, {1, false}}));
}

}  // namespace
}  // namespace prefork::worker
