#include "framework/master/workforce/worker_orders.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "framework/master/generation/listener_set.hpp"
#include "ipc/posix/pipe.hpp"

namespace prefork::master {

namespace {

constexpr std::size_t kGroup = 32;  // listeners that one order names

// A full or closed pipe means that the worker does not listen: its deadline ends it.
void order(const WorkerRecord& worker, const ipc::ControlMessage& message) {
  std::array<std::byte, ipc::kControlBytes> packet;
  ipc::encode(message, packet);
  ipc::send_packet(worker.control.get(), packet);
}

bool is_to_empty(const GivenSocket& given, const ListenerSet* lasting) {
  const auto socket = given.socket.lock();
  const bool stays = lasting != nullptr && socket != nullptr && lasting->has(*socket);
  return given.has_backlog && !stays;
}

}  // namespace

void order_to_stop(const WorkerRecord& worker) { order(worker, {ipc::ControlKind::stop_now, 0}); }

void order_to_drain(const WorkerRecord& worker, ipc::ControlKind kind, std::chrono::milliseconds limit) {
  const bool limited = limit.count() > 0 && limit.count() < UINT32_MAX;
  // The worker ends by itself a little before its time is up.
  const auto within =
      limited ? static_cast<std::uint32_t>(std::max<std::int64_t>(limit.count() * 95 / 100, 1)) : UINT32_MAX;
  order(worker, {kind, within});
}

// The master may already have closed its end of a socket: the workers hold it until they have taken what waits there.
void order_to_empty(const WorkerRecord& worker, const ListenerSet* lasting) {
  for (std::size_t first = 0; first < worker.sockets.size(); first += kGroup) {
    std::uint32_t bits = 0;
    for (std::size_t i = first; i < std::min(worker.sockets.size(), first + kGroup); ++i) {
      if (is_to_empty(worker.sockets[i], lasting)) bits |= 1U << (i - first);
    }
    if (bits != 0) order(worker, {ipc::ControlKind::empty, bits, static_cast<std::uint8_t>(first / kGroup)});
  }
}

}  // namespace prefork::master
