#include <algorithm>
#include <array>
#include <cstddef>

#include "framework/master/workforce/workforce.hpp"
#include "ipc/contract/contract.hpp"
#include "ipc/posix/pipe.hpp"

// Which listeners nobody takes from any more when a worker goes.
namespace prefork::master {

namespace {

constexpr std::size_t kGroup = 32;  // listeners that one order names

}  // namespace

/// REQUIRES that the worker's pool still has the addresses that the worker was given.
void Workforce::note_sockets(WorkerRecord& worker) const {
  const Pool& pool = crew_.pool_of(worker);
  pool.generation->listeners->for_each_of(pool.name, [&](const BoundListener& listener, const auto& socket) {
    worker.sockets.push_back({socket, !listener.is_datagram() && socket->name().empty()});
  });
}

/// What is listened on after what is under way now, if that is no stop.
const ListenerSet& Workforce::lasting_listeners() const noexcept {
  return rolling() ? rollout_->lasting_listeners() : *crew_.current->listeners;
}

// The kernel resets who waits in a backlog when the last process closes the socket. The master may have closed it
// already: the workers hold it until they have taken what is there.
void Workforce::tell_what_to_empty(const WorkerRecord& worker) const {
  for (std::size_t first = 0; first < worker.sockets.size(); first += kGroup) {
    std::uint32_t bits = 0;
    for (std::size_t i = first; i < std::min(worker.sockets.size(), first + kGroup); ++i) {
      const GivenSocket& given = worker.sockets[i];
      const auto socket = given.socket.lock();
      const bool stays = !stopping_ && socket != nullptr && lasting_listeners().has(*socket);
      if (given.has_backlog && !stays) bits |= 1U << (i - first);
    }
    if (bits == 0) continue;
    std::array<std::byte, ipc::kControlBytes> packet;
    ipc::encode({ipc::ControlKind::empty, bits, static_cast<std::uint8_t>(first / kGroup)}, packet);
    ipc::send_packet(worker.control.get(), packet);
  }
}

}  // namespace prefork::master
