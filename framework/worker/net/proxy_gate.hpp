#pragma once

#include <memory>

#include "framework/worker/net/protocol.hpp"
#include "framework/worker/service/service_host.hpp"

namespace prefork::worker {

/// Precedes the protocol of a listener with `proxy-protocol`: takes the header off each connection, and opens the
/// connection with the address that the header names. A connection without a complete header within five seconds, or
/// that begins with anything else, is closed.
std::unique_ptr<Protocol> behind_proxy(ServiceHost& host, std::unique_ptr<Protocol> protocol);

}  // namespace prefork::worker
