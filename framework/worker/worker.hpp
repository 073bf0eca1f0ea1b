#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/worker/isolation/isolation.hpp"
#include "framework/worker/net/listener.hpp"
#include "framework/worker/net/own_addresses.hpp"
#include "framework/worker/recycling.hpp"
#include "framework/worker/service/service_host.hpp"
#include "framework/worker/shared/service_setup.hpp"
#include "ipc/memory/scoreboard.hpp"
#include "ipc/objects/shared_object.hpp"

namespace prefork::worker {

/// All that a worker needs to know, as plain data. Descriptors are the worker's from here on.
struct WorkerSetup {
  WorkerIdentity identity;
  pid_t master = 0;
  std::size_t slot = 0;
  std::size_t slots = 0;  ///< of the server
  int slot_fd = -1;       ///< Scoreboard::fd()
  int seats_fd = -1;      ///< Seats::fd()
  int control_fd = -1;
  int status_fd = -1;
  int output_fd = -1;         ///< standard output and error
  int line_fd = -1;           ///< to ask the master on; -1: the pool may not
  int bell_fd = -1;           ///< the worker's end of its own wake-up
  std::vector<int> ring_fds;  ///< of all slots, in their order; none: nobody shares anything with the pool
  int proc_fds = -1;          ///< the worker opens it where a chroot hides /proc from the plugin loader
  std::string folder;         ///< which relative paths are found from; empty: where the master is
  Isolation isolation;
  std::size_t max_connections = 0;  ///< 0: what the descriptor limit allows
  RecycleLimits recycle;
  bool tells_load = false;  ///< the pool is sized by it
  int statm_fd = -1;        ///< opened by run_worker()
  std::vector<ServiceSetup> services;
  std::vector<ListenerSetup> listeners;
  std::vector<std::unique_ptr<const ipc::SharedObject>> objects;  ///< once unpacked: what the services' setups name
  OwnAddresses own_addresses;                                     ///< of all pools' UDP sockets
};

/// Runs a worker to its end, in a freshly forked child of the master: closes every descriptor that is not
/// the worker's, puts the pool's isolation in force, loads the plugins, serves. Does not return.
/// @param setup  as unpack_setup() gives it
[[noreturn]] PREFORK_API void run_worker(WorkerSetup setup);

}  // namespace prefork::worker
