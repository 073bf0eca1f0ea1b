#include "framework/worker/master_link.hpp"

#include <poll.h>

#include <array>
#include <cstdio>
#include <span>
#include <string>

#include "framework/worker/service/service_host.hpp"
#include "ipc/posix/pipe.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::worker {

namespace {
constexpr int kPatienceMs = 1000;

/// Cuts a line that is too long for the master's pipe and ends it with "...", within `room`.
std::string_view fitted(std::string_view line, std::array<char, ipc::kMaxStatusText>& room) {
  constexpr std::string_view kCut = "...";
  if (line.size() <= room.size()) return line;
  line.copy(room.data(), room.size() - kCut.size());
  kCut.copy(room.data() + room.size() - kCut.size(), kCut.size());
  return {room.data(), room.size()};
}
}  // namespace

void MasterLink::log_of(const ServiceHost& service, LogLevel level, std::string_view line) {
  send_log(level, line, static_cast<std::uint8_t>(service.index() + 1), service.name());
}

void MasterLink::send_log(LogLevel level, std::string_view line, std::uint8_t service, std::string_view name) {
  std::array<char, ipc::kMaxStatusText> shortened;
  const auto result = send({ipc::StatusKind::log, static_cast<std::uint8_t>(level), fitted(line, shortened), service});
  if (result == ipc::SendResult::full) slot_.add(ipc::Counter::log_lines_dropped);
  if (result != ipc::SendResult::closed) return;
  const std::string text = std::string(name) + (name.empty() ? "" : ": ") + std::string(line) + '\n';
  std::fwrite(text.data(), 1, text.size(), stderr);
}

// If this message were lost, a worker that serves would be aborted for not becoming ready.
void MasterLink::say(ipc::StatusKind kind, std::string_view text) {
  if (send({kind, 0, text}) != ipc::SendResult::full) return;
  pollfd writable{status_fd_, POLLOUT, 0};
  ipc::retry_eintr([&] { return ::poll(&writable, 1, kPatienceMs); });
  send({kind, 0, text});
}

ipc::SendResult MasterLink::send(const ipc::StatusMessage& message) {
  std::array<std::byte, ipc::kMaxStatusBytes> packet;
  const std::size_t length = ipc::encode(message, packet);
  return ipc::send_packet(status_fd_, std::span(packet).first(length));
}

MasterLink::Order MasterLink::receive() {
  std::array<std::byte, ipc::kMaxPacketBytes> buffer;
  for (;;) {
    const auto [status, packet] = ipc::receive_packet(control_fd_, buffer);
    if (status == ipc::ReceiveStatus::closed) return {Order::Kind::closed};
    if (status == ipc::ReceiveStatus::empty) return {Order::Kind::none};
    if (const auto message = ipc::decode_control(packet)) return {Order::Kind::message, *message};
  }
}

}  // namespace prefork::worker
