#include "ipc/objects/party.hpp"

#include "ipc/objects/wakeup.hpp"

namespace prefork::ipc {

void Bells::ring(std::size_t slot) const noexcept {
  if (slot < fds_.size()) ring_bell(fds_[slot]);
}

}  // namespace prefork::ipc
