#include "ipc/posix/pipe.hpp"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "ipc/posix/check.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::ipc {

static_assert(kMaxPacketBytes == PIPE_BUF);

PacketPipe PacketPipe::create() {
  int ends[2];
  check_syscall(::pipe2(ends, O_CLOEXEC | O_NONBLOCK | O_DIRECT), "pipe2 O_DIRECT");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

SendResult send_packet(int fd, std::span<const std::byte> packet) {
  PREFORK_CHECK(!packet.empty() && packet.size() <= kMaxPacketBytes);
  const ssize_t n = retry_eintr([&] { return ::write(fd, packet.data(), packet.size()); });
  if (n >= 0) return SendResult::sent;
  if (errno == EAGAIN) return SendResult::full;
  if (errno == EPIPE) return SendResult::closed;
  throw_errno("write pipe");
}

ReceiveResult receive_packet(int fd, std::span<std::byte> buffer) {
  PREFORK_CHECK(buffer.size() >= kMaxPacketBytes);
  const ssize_t n = retry_eintr([&] { return ::read(fd, buffer.data(), buffer.size()); });
  if (n > 0) return {ReceiveStatus::packet, buffer.first(static_cast<std::size_t>(n))};
  if (n == 0) return {ReceiveStatus::closed, {}};
  if (errno == EAGAIN) return {ReceiveStatus::empty, {}};
  throw_errno("read pipe");
}

}  // namespace prefork::ipc
