#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace prefork::worker {

/// One bound socket that a worker shares with the other workers of its pool.
struct ListenerSetup {
  int fd = -1;
  bool datagram = false;
  std::string address;                 ///< for messages
  bool proxy_protocol = false;         ///< each connection begins with a PROXY header
  std::vector<std::uint8_t> services;  ///< indices in the worker's services; more than one only for HTTP
  bool last = false;                   ///< nobody accepts from it once this worker has gone
};

}  // namespace prefork::worker
