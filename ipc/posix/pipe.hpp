#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "ipc/posix/unique_fd.hpp"

namespace prefork::ipc {

/// A pipe in packet mode: each write of at most PIPE_BUF bytes is one packet and arrives whole or not at all, whichever
/// process is killed. Both ends are non-blocking and close-on-exec. Source: pipe2(2), O_DIRECT.
struct PacketPipe {
  UniqueFd read_end;
  UniqueFd write_end;

  /// @throws std::system_error
  static PacketPipe create();
};

constexpr std::size_t kMaxPacketBytes = 4096;

enum class SendResult { sent, full, closed };

/// Sends one packet of 1 to kMaxPacketBytes bytes. Blocks: never. SIGPIPE must be ignored.
/// @throws std::system_error on anything but EAGAIN and EPIPE
SendResult send_packet(int fd, std::span<const std::byte> packet);

enum class ReceiveStatus { packet, empty, closed };
struct ReceiveResult {
  ReceiveStatus status;
  std::span<std::byte> packet;  ///< within the caller's buffer
};

/// Receives one packet; `buffer` must hold kMaxPacketBytes. Blocks: never.
/// `closed`: every write end is closed and nothing is left.
ReceiveResult receive_packet(int fd, std::span<std::byte> buffer);

}  // namespace prefork::ipc
