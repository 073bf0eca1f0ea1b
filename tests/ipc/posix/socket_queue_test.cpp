#include "ipc/posix/socket_queue.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <vector>

#include "ipc/posix/unique_fd.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::ipc {
namespace {

struct Listener {
  sockaddr_storage address{};
  socklen_t length = 0;
  UniqueFd fd{};

  const sockaddr* generic() const { return reinterpret_cast<const sockaddr*>(&address); }
  void listen(int backlog) {
    fd.reset(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(fd.get(), generic(), length), 0);
    ASSERT_EQ(::listen(fd.get(), backlog), 0);
    socklen_t room = sizeof address;
    ASSERT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &room), 0);
    length = room;
  }
  UniqueFd client() const {
    UniqueFd socket(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(socket.get(), generic(), length), 0);
    return socket;
  }
};

void expect_counts(Listener& listener) {
  listener.listen(5);
  EXPECT_EQ(accept_queue(listener.fd.get())->waiting, 0U);
  EXPECT_EQ(accept_queue(listener.fd.get())->limit, 5U);
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(listener.client());
  EXPECT_EQ(accept_queue(listener.fd.get())->waiting, 3U);
  const UniqueFd accepted(::accept(listener.fd.get(), nullptr, nullptr));
  EXPECT_EQ(accept_queue(listener.fd.get())->waiting, 2U);
  EXPECT_EQ(accept_queue(accepted.get()), std::nullopt);
  EXPECT_EQ(accept_queue(clients.front().get()), std::nullopt);
}

TEST(AcceptQueue, OfTcpCountsWhoWaits) {
  Listener listener;
  auto& address = reinterpret_cast<sockaddr_in&>(listener.address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener.length = sizeof address;
  expect_counts(listener);
}

TEST(AcceptQueue, OfAUnixSocketCountsWhoWaits) {
  const test::TempFolder folder;
  Listener listener;
  auto& address = reinterpret_cast<sockaddr_un&>(listener.address);
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, folder.file("s").c_str());
  listener.length = sizeof address;
  Listener probe = {listener.address, listener.length};
  std::strcpy(reinterpret_cast<sockaddr_un&>(probe.address).sun_path, folder.file("p").c_str());
  probe.listen(1);
  if (!accept_queue(probe.fd.get())) GTEST_SKIP() << "the kernel has no unix_diag";
  expect_counts(listener);
}

TEST(AcceptQueue, OfOtherThingsIsNotKnown) {
  EXPECT_EQ(accept_queue(-1), std::nullopt);
  EXPECT_EQ(accept_queue(0), std::nullopt);
  const UniqueFd datagrams(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(accept_queue(datagrams.get()), std::nullopt);
}

}  // namespace
}  // namespace prefork::ipc
