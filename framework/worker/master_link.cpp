#include "framework/worker/master_link.hpp"

#include <array>
#include <cstdio>
#include <span>

#include "ipc/pipe.hpp"

namespace prefork::worker {

void MasterLink::log(LogLevel level, std::string_view line) {
  send({ipc::StatusKind::log, static_cast<std::uint8_t>(level), line});
}

void MasterLink::send(const ipc::StatusMessage& message) {
  std::array<std::byte, ipc::kMaxStatusBytes> packet;
  const std::size_t length = ipc::encode(message, packet);
  const auto result = ipc::send_packet(status_fd_, std::span(packet).first(length));
  if (result == ipc::SendResult::sent) return;
  if (result == ipc::SendResult::closed && message.kind == ipc::StatusKind::log) {
    std::fprintf(stderr, "%.*s\n", static_cast<int>(message.text.size()), message.text.data());
    return;
  }
  slot_.add(ipc::Counter::log_lines_dropped);
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
