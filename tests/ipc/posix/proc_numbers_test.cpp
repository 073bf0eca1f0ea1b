#include "ipc/posix/proc_numbers.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "ipc/posix/socket_queue.hpp"
#include "ipc/posix/syscall.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::ipc {
namespace {

using namespace std::chrono_literals;

TEST(ProcNumbers, CpuTimeIsReadBehindTheName) {
  EXPECT_EQ(cpu_time_of("7 (a) b) ) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20", 100), 1750ms);
  for (const char* text :
       {"", "7 (a", "7 (a) S 1 2", "7 (a) S 1 2 3 4 5 6 7 8 9 10 x 25", "7 (a) S 1 2 3 4 5 6 7 8 9 10 1"}) {
    EXPECT_EQ(cpu_time_of(text, 100), std::nullopt) << text;
  }
}

TEST(ProcNumbers, CpuTimeGrowsWithWork) {
  const auto before = cpu_time(::getpid());
  volatile unsigned work = 0;
  while (cpu_time(::getpid()) == before) work = work + 1;
  EXPECT_GT(cpu_time(::getpid()), before);
  EXPECT_EQ(cpu_time(-1), 0ms);
}

TEST(ProcNumbers, NetstatIsPairsOfLines) {
  const char* text = "Tcp: A B\nTcp: 1 2\nTcpExt: C ListenOverflows D\nTcpExt: 3 4 5\nIpExt: E\n";
  EXPECT_EQ(netstat_number(text, "TcpExt:", "ListenOverflows"), 4U);
  EXPECT_EQ(netstat_number(text, "Tcp:", "B"), 2U);
  EXPECT_EQ(netstat_number(text, "TcpExt:", "B"), std::nullopt);
  EXPECT_EQ(netstat_number(text, "IpExt:", "E"), std::nullopt);
  EXPECT_EQ(netstat_number("TcpExt: A\nTcpExt: x\n", "TcpExt:", "A"), std::nullopt);
  EXPECT_TRUE(listen_overflows().has_value());
}

UniqueFd bound(int type, sockaddr_in& address) {
  UniqueFd fd(check_syscall(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket"));
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  check_syscall(::bind(fd.get(), generic, sizeof address), "bind");
  socklen_t length = sizeof address;
  check_syscall(::getsockname(fd.get(), generic, &length), "getsockname");
  return fd;
}

TEST(SocketQueue, CountsConnectionsThatNobodyAccepts) {
  sockaddr_in address{};
  const UniqueFd listener = bound(SOCK_STREAM, address);
  EXPECT_EQ(accept_queue(listener.get()), std::nullopt) << "it does not listen yet";
  check_syscall(::listen(listener.get(), 17), "listen");
  std::vector<UniqueFd> clients;
  for (std::uint64_t i = 0; i < 3; ++i) {
    // The last packet of the handshake may still be on its way when connect(2) returns.
    const auto limit = std::chrono::steady_clock::now() + 20s;
    std::optional<SocketQueue> queue = accept_queue(listener.get());
    while (queue && queue->waiting != i && std::chrono::steady_clock::now() < limit)
      queue = accept_queue(listener.get());
    EXPECT_EQ(queue, (SocketQueue{i, 17, 0}));
    clients.emplace_back(check_syscall(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    check_syscall(::connect(clients.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
                  "connect");
  }
  EXPECT_EQ(accept_queue(-1), std::nullopt);
}

TEST(SocketQueue, CountsDatagramsThatFindNoRoom) {
  sockaddr_in address{};
  const UniqueFd receiver = bound(SOCK_DGRAM, address);
  const UniqueFd sender(check_syscall(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
  const std::vector<char> bytes(8000);
  for (int i = 0; i < 200; ++i) {
    ::sendto(sender.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  const auto queue = datagram_queue(receiver.get());
  ASSERT_TRUE(queue.has_value());
  EXPECT_GT(queue->waiting, 0U);
  EXPECT_GT(queue->limit, 0U);
  EXPECT_GT(queue->dropped, 0U);
  EXPECT_EQ(datagram_queue(-1), std::nullopt);
}

}  // namespace
}  // namespace prefork::ipc
