#include "framework/worker/net/client.hpp"

#include <utility>

namespace prefork::worker {

Client::Client(ServiceHost& host, const PeerAddress& peer)
    : host_(host), id_(host.runtime().next_connection_id++), peer_(peer) {
  host_.runtime().connection_opened(*this);
}

Client::~Client() {
  rest(false);
  depart();
}

void Client::depart() noexcept {
  if (std::exchange(departed_, true)) return;
  unlink();
  host_.runtime().connection_closed();
}

void Runtime::connection_opened(Client& client) {
  connections.push_back(client);
  count_connection(+1);
  slot.add(ipc::Counter::accepted);
}

void Runtime::connection_closed() noexcept { count_connection(-1); }

}  // namespace prefork::worker
