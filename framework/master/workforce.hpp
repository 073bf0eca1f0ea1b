#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "framework/master/generation.hpp"
#include "framework/master/hold_watch.hpp"
#include "framework/master/log.hpp"
#include "framework/master/reactor.hpp"
#include "framework/master/restart_policy.hpp"
#include "framework/master/shared_report.hpp"
#include "framework/master/shared_set.hpp"
#include "framework/master/spawner.hpp"
#include "framework/master/status_report.hpp"
#include "framework/master/worker_table.hpp"
#include "ipc/contract.hpp"
#include "ipc/party.hpp"
#include "ipc/scoreboard.hpp"
#include "ipc/wakeup.hpp"

namespace prefork::master {

/// The workers of all pools: keeps as many as each pool shall have, hears what they say, ends those that
/// are stuck, reports on those that died.
class Workforce {
 public:
  /// Is told of a child that is no worker and has been reaped.
  using OtherChild = std::function<void(pid_t, int wait_status)>;

  /// Makes the scoreboard, the wake-ups and the shared objects. @throws std::system_error, StartupError
  Workforce(const Generation& generation, Log& log, Reactor& reactor, RunWorker run, OtherChild other = {});

  std::size_t pools() const noexcept { return pools_.size(); }
  std::optional<std::size_t> find_pool(const std::string& name) const noexcept;
  unsigned target(std::size_t pool) const noexcept { return pools_[pool].target; }
  /// @return false: the scoreboard has no room for so many.
  bool set_target(std::size_t pool, unsigned workers);
  std::size_t slots() const noexcept { return scoreboard_.slots(); }

  /// Reaps every child that has ended. To be called after SIGCHLD was taken, since signals coalesce.
  void reap();
  /// Does what time demands: deadlines of workers, starts and retirements that are due.
  void tend(TimePoint now);
  /// When tend() should be called again at the latest.
  std::optional<TimePoint> next_deadline(TimePoint now) const;

  /// From now on no worker is started, and all are told to go.
  void stop(WorkerEvent how);
  bool empty() const noexcept { return table_.empty(); }

  /// Adds pools, workers, totals and restarts.
  void report(StatusSnapshot& snapshot);

  const SharedSet& shared() const noexcept { return shared_; }
  const ipc::Bells& bells() const noexcept { return bells_; }
  std::vector<SharedStatus> report_shared() const;

 private:
  struct Pool {
    std::string name;
    std::string user;
    unsigned target;
    WorkerLimits limits;
    RestartPolicy policy;
    std::vector<std::string> services;  ///< in the order that the workers get them
    unsigned warned_throttle = 0;       ///< failures that the log was told of
  };
  static constexpr std::size_t kDepartures = kDepartureCount;

  void refill(std::size_t pool, TimePoint now);
  void shrink(std::size_t pool);
  bool start(std::size_t pool, TimePoint now);
  void listen(WorkerRecord& worker);
  /// Handles what the worker has said; at most `packets` of it. @return false: the pipe has ended.
  bool hear(WorkerRecord& worker, unsigned packets);
  void heard(WorkerRecord& worker, const ipc::StatusMessage& message);
  void apply(WorkerRecord& worker, WorkerEvent event);
  void act(WorkerRecord& worker, WorkerAction action, WorkerEvent event);
  void command(WorkerRecord& worker, ipc::ControlKind kind);
  void departed(WorkerRecord& worker, Departure departure);
  void buried(pid_t pid, int wait_status);
  void repair(const WorkerRecord& dead);
  void watch_holds(TimePoint now);
  std::string taken_for(const ipc::SharedObject& object, const ipc::Hold& hold, const WorkerRecord& worker) const;
  void warn_of_holds(const ipc::SharedObject& object, const std::vector<HoldWatch::Overdue>& overdue);
  const WorkerRecord* holder(ipc::Owner owner) const;
  ExitFacts facts(const WorkerRecord& worker, int wait_status, const std::string& activity) const;
  std::string serving(const WorkerRecord& worker, std::chrono::milliseconds& duration) const;
  std::string name(const WorkerRecord& worker) const;
  TimePoint last_beat(const WorkerRecord& worker) const;
  void report_worker(const WorkerRecord& worker, WorkerStatus& status) const;

  const Generation& generation_;
  Log& log_;
  Reactor& reactor_;
  RunWorker run_;
  OtherChild other_;
  std::vector<Pool> pools_;
  ipc::Scoreboard scoreboard_;
  std::vector<ipc::Wakeup> wakeups_;
  ipc::Bells bells_;  ///< of wakeups_
  SharedSet shared_;
  HoldWatch holds_;
  WorkerTable table_;
  ipc::CounterValues retained_{};  ///< of all workers that have died
  std::array<std::uint64_t, kDepartures> departures_{};
  std::minstd_rand random_;
  bool stopping_ = false;
};

}  // namespace prefork::master
