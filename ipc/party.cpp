#include "ipc/party.hpp"

#include "ipc/wakeup.hpp"

namespace prefork::ipc {

void Bells::ring(std::size_t slot) const noexcept {
  if (slot < fds_.size()) ring_bell(fds_[slot]);
}

}  // namespace prefork::ipc
