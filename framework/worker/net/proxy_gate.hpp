#pragma once

#include <memory>

#include "framework/worker/net/protocol.hpp"
#include "framework/worker/service/service_host.hpp"

namespace prefork::worker {

/// What is put before the protocol of a listener with `proxy-protocol`: takes the header off each connection, and opens
/// it with the address that the header names. A connection without a whole header in five seconds, or with anything
/// else in front, is closed.
std::unique_ptr<Protocol> behind_proxy(ServiceHost& host, std::unique_ptr<Protocol> protocol);

}  // namespace prefork::worker
