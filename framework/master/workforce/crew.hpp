#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "framework/master/control/shared_walk.hpp"
#include "framework/master/generation/generation.hpp"
#include "framework/master/log/log_line.hpp"
#include "framework/master/policy/restart_policy.hpp"
#include "framework/master/workforce/pool_table.hpp"
#include "framework/master/workforce/worker_table.hpp"
#include "ipc/memory/scoreboard.hpp"
#include "ipc/objects/party.hpp"

namespace prefork::master {

/// What is counted since the server's start; an upgrade carries it over, except the lines that the logs lost.
struct Totals {
  ipc::CounterValues retained{};  ///< of all workers that have died
  std::array<std::uint64_t, kDepartureCount> departures{};
  std::map<std::string, std::uint64_t> recycled;  ///< by the limit that was reached
  std::uint64_t lines_over_rate = 0;  ///< log lines of workers that were dropped because there were too many
};

/// The data that the parts of the workforce work on: the generation that serves, the pools, the workers, and the slots
/// in which workers report what they do. Data only: nothing here starts, orders or ends a worker.
struct Crew {
  Crew(std::shared_ptr<Generation> serving, ipc::Scoreboard board);
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  std::shared_ptr<Generation> current;  ///< the one that serves, or did when the last rollout ended
  ipc::Scoreboard scoreboard;
  PoolTable pools;
  WorkerTable workers;
  Totals totals;

  Pool& pool_of(const WorkerRecord& worker) { return pools.at(worker.pool); }
  const Pool& pool_of(const WorkerRecord& worker) const { return pools.at(worker.pool); }
  /// Written by the worker: it may hold anything.
  ipc::WorkerSlot& slot(const WorkerRecord& worker) const noexcept { return scoreboard.slot(worker.slot); }
  unsigned ready(std::size_t pool) const noexcept { return workers.count_in(pool, WorkerState::ready); }
  /// Removes pools that need no workers any more, once the last one is gone.
  void forget_empty_pools();
  /// The worker that has a slot; nullptr: none.
  const WorkerRecord* holder(ipc::Owner owner) const;

  /// The generations that have workers or may start some, the current one first.
  std::vector<const Generation*> generations() const;
  /// The shared objects of these generations, each once.
  SharedWalk::Objects objects() const;

  /// "main/0"
  std::string short_name(const WorkerRecord& worker) const;
  /// "worker main/0 (pid 12)"
  std::string name(const WorkerRecord& worker) const;
  LogSubject about(const WorkerRecord& worker) const;

  struct Served {
    std::string activity;  ///< activity_text(); empty: nothing
    std::chrono::milliseconds duration{0};
  };
  /// What a worker says it is doing.
  Served serving(const WorkerRecord& worker) const;
  /// "; it is serving hello: GET /x", made fit for the log; empty: nothing.
  std::string serving_text(const WorkerRecord& worker) const;
};

}  // namespace prefork::master
