#include "ipc/posix/pipe.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <cstring>
#include <vector>

#include "tests/ipc/support.hpp"

namespace prefork::ipc {
namespace {

using Buffer = std::array<std::byte, kMaxPacketBytes>;

std::vector<std::byte> packet_of(std::size_t bytes, unsigned char fill) {
  return std::vector<std::byte>(bytes, static_cast<std::byte>(fill));
}

class PipeTest : public testing::Test {
 protected:
  void SetUp() override { ::signal(SIGPIPE, SIG_IGN); }
  PacketPipe pipe = PacketPipe::create();
  Buffer buffer{};
};

TEST_F(PipeTest, EndsAreNonBlockingAndCloseOnExec) {
  for (const int fd : {pipe.read_end.get(), pipe.write_end.get()}) {
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST_F(PipeTest, PacketsKeepTheirBoundaries) {
  const std::vector<std::size_t> sizes{1, 8, 1, 4095, 4096, 2, 1032};
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    ASSERT_EQ(send_packet(pipe.write_end.get(), packet_of(sizes[i], static_cast<unsigned char>(i))), SendResult::sent);
  }
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const auto [status, packet] = receive_packet(pipe.read_end.get(), buffer);
    ASSERT_EQ(status, ReceiveStatus::packet);
    ASSERT_EQ(packet.size(), sizes[i]);
    EXPECT_EQ(packet.front(), static_cast<std::byte>(i));
    EXPECT_EQ(packet.back(), static_cast<std::byte>(i));
  }
  EXPECT_EQ(receive_packet(pipe.read_end.get(), buffer).status, ReceiveStatus::empty);
}

TEST_F(PipeTest, FullIsToldAndEndsWithARead) {
  unsigned sent = 0;
  while (send_packet(pipe.write_end.get(), packet_of(8, 1)) == SendResult::sent) ++sent;
  EXPECT_GE(sent, 1U);
  EXPECT_EQ(send_packet(pipe.write_end.get(), packet_of(1, 1)), SendResult::full);
  ASSERT_EQ(receive_packet(pipe.read_end.get(), buffer).status, ReceiveStatus::packet);
  EXPECT_EQ(send_packet(pipe.write_end.get(), packet_of(8, 2)), SendResult::sent);
  for (unsigned i = 0; i < sent; ++i) {
    const auto [status, packet] = receive_packet(pipe.read_end.get(), buffer);
    ASSERT_EQ(status, ReceiveStatus::packet);
    ASSERT_EQ(packet.size(), 8U) << "nothing of the refused packet may be in the pipe";
  }
  EXPECT_EQ(receive_packet(pipe.read_end.get(), buffer).status, ReceiveStatus::empty);
}

TEST_F(PipeTest, ClosedReaderIsToldToTheWriter) {
  pipe.read_end.reset();
  EXPECT_EQ(send_packet(pipe.write_end.get(), packet_of(8, 1)), SendResult::closed);
}

TEST_F(PipeTest, ClosedWriterIsToldAfterTheLastPacket) {
  ASSERT_EQ(send_packet(pipe.write_end.get(), packet_of(5, 1)), SendResult::sent);
  pipe.write_end.reset();
  EXPECT_EQ(receive_packet(pipe.read_end.get(), buffer).packet.size(), 5U);
  EXPECT_EQ(receive_packet(pipe.read_end.get(), buffer).status, ReceiveStatus::closed);
  EXPECT_EQ(receive_packet(pipe.read_end.get(), buffer).status, ReceiveStatus::closed);
}

TEST_F(PipeTest, OtherErrorsThrow) {
  EXPECT_THROW(send_packet(-1, packet_of(1, 1)), std::system_error);
  EXPECT_THROW(receive_packet(-1, buffer), std::system_error);
}

// Goal: whenever a writer is killed, its reader finds whole packets and then the end.
TEST_F(PipeTest, KilledWriterLeavesWholePacketsOnly) {
  constexpr std::size_t kBytes = 4000;
  for (int round = 0; round < 20; ++round) {
    PacketPipe mine = PacketPipe::create();
    const pid_t child = ::fork();
    if (child == 0) {
      for (unsigned char n = 0;; ++n) {
        const auto packet = packet_of(kBytes, n);
        while (send_packet(mine.write_end.get(), packet) == SendResult::full)
          test::wait_for(mine.write_end.get(), POLLOUT);
      }
    }
    mine.write_end.reset();
    unsigned received = 0;
    for (bool killed = false;;) {
      ASSERT_TRUE(test::wait_for(mine.read_end.get(), POLLIN));
      const auto [status, packet] = receive_packet(mine.read_end.get(), buffer);
      if (status == ReceiveStatus::closed) break;
      if (status == ReceiveStatus::empty) continue;
      ASSERT_EQ(packet.size(), kBytes);
      for (const std::byte byte : packet) ASSERT_EQ(byte, static_cast<std::byte>(received & 0xff));
      if (++received >= 50U + static_cast<unsigned>(round) && !std::exchange(killed, true)) ::kill(child, SIGKILL);
    }
    EXPECT_EQ(WTERMSIG(test::reap(child)), SIGKILL);
  }
}

}  // namespace
}  // namespace prefork::ipc
