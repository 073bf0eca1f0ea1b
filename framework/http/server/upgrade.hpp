#pragma once

#include <string_view>

#include "framework/worker/net/peer_address.hpp"
#include "framework/worker/net/transport.hpp"
#include "framework/worker/service/service_host.hpp"

namespace prefork::http {

/// Continues with a connection after `101 Switching Protocols`, once that response has been sent completely.
class Upgrade {
 public:
  virtual ~Upgrade() = default;

  /// Takes over the client's transport, which is out of the event loop. Called at most once.
  /// @param host  of the service whose handler asked for the upgrade
  /// @param input  what the client has already sent; valid only during the call
  virtual void take_over(worker::ServiceHost& host, worker::Transport transport, const worker::PeerAddress& peer,
                         std::string_view input) = 0;
};

}  // namespace prefork::http
