#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "framework/master/workforce/pool.hpp"
#include "framework/master/workforce/worker_table.hpp"
#include "ipc/memory/scoreboard.hpp"
#include "ipc/objects/wakeup.hpp"

namespace prefork::master {

/// Everything that a new worker must know.
struct SpawnOrder {
  ipc::Scoreboard& scoreboard;
  const ipc::Wakeups& wakeups;
  const Pool& pool;
  std::size_t pool_id;  ///< the workforce's id of it
  unsigned index;
  std::size_t slot;
  double jitter;  ///< from 0 to 1: spreads limits that workers started at the same time would reach at the same time
  pid_t master;
  int control_fd;  ///< read end
  int status_fd;   ///< write end
  int output_fd;   ///< write end: standard output and error
  int line_fd;     ///< a socket for questions to the master; -1: the pool may not ask
};

/// Forks a child of this process that is the worker. Provided by the code that connects master and worker. @throws
/// std::system_error
using ForkWorker = std::function<pid_t(const SpawnOrder&)>;

/// Runs the worker: called in the child, and should not return.
using RunWorker = std::function<void(const SpawnOrder&)>;
/// Forks a copy of this process, in which `run` is the worker.
ForkWorker fork_here(RunWorker run);

/// Forks a worker into a free slot.
/// @return its record, in state starting, with entered and started unset
/// @throws std::system_error: no process or no descriptors; nothing is left behind
std::unique_ptr<WorkerRecord> spawn_worker(SpawnOrder order, const ForkWorker& fork);

/// Sends a signal through the pidfd; a worker that has gone is no error.
void signal_worker(const WorkerRecord& worker, int signal) noexcept;

}  // namespace prefork::master
