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

/// Everything that a worker needs to know, as plain data. It owns the descriptors from here on.
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
  int line_fd = -1;           ///< for questions to the master; -1: the pool may not ask
  int bell_fd = -1;           ///< the worker's end of its own wake-up
  std::vector<int> ring_fds;  ///< of all slots, in their order; empty: the pool shares nothing
  int proc_fds = -1;          ///< opened by the worker if a chroot hides /proc from the plugin loader
  std::string folder;         ///< the base of relative paths; empty: the master's folder
  Isolation isolation;
  std::size_t max_connections = 0;  ///< 0: as many as the descriptor limit allows
  RecycleLimits recycle;
  bool tells_load = false;  ///< the pool's size depends on its load
  int statm_fd = -1;        ///< opened by run_worker()
  std::vector<ServiceSetup> services;
  std::vector<ListenerSetup> listeners;
  std::vector<std::unique_ptr<const ipc::SharedObject>> objects;  ///< once unpacked: those that the services' setups
                                                                  ///< name
  OwnAddresses own_addresses;                                     ///< of the UDP sockets of all pools
};

/// Runs a worker to its end, in a freshly forked child of the master: closes every descriptor that is not the worker's,
/// puts the pool's isolation in force, loads the plugins, serves. Does not return.
/// @param setup  as returned by unpack_setup()
[[noreturn]] PREFORK_API void run_worker(WorkerSetup setup);

}  // namespace prefork::worker
