#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/master/policy/load_meter.hpp"
#include "framework/master/policy/pace.hpp"
#include "framework/master/policy/rate.hpp"
#include "framework/master/policy/worker_state.hpp"
#include "framework/master/report/exit_report.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

class ListeningSocket;

/// A socket that a worker got, as the master remembers it.
struct GivenSocket {
  std::weak_ptr<const ListeningSocket> socket;
  bool has_backlog = true;  ///< one of ours: not a datagram socket, and not the service manager's, which outlives us
};

/// One worker process as the master knows it, from fork to reap.
struct WorkerRecord {
  std::size_t pool = 0;  ///< the workforce's id of it
  unsigned index = 0;    ///< index within the pool
  std::size_t slot = 0;  ///< of the scoreboard
  unsigned generation = 0;
  pid_t pid = 0;
  ipc::UniqueFd pidfd;
  ipc::UniqueFd control;   ///< write end
  ipc::UniqueFd status;    ///< read end
  ipc::UniqueFd output;    ///< read end of its standard output and error
  std::string unfinished;  ///< the beginning of a line that it has printed
  ipc::UniqueFd line;  ///< the master's end of the socket for its questions; closed: it may not ask, or the socket was
                       ///< passed on
  WorkerState state = WorkerState::starting;
  TimePoint started{};
  TimePoint entered{};  ///< when it entered its present state
  std::optional<TimePoint> ready;
  ExitIntent intent = ExitIntent::unexpected;
  std::string start_error;
  std::string recycle;         ///< the limit that it has reached, for which it is being replaced; empty: none
  std::string recycle_wanted;  ///< the limit that it has reached, until it is its turn
  LogBudget log;
  bool said_last_words = false;
  std::vector<GivenSocket> sockets;  ///< in the order of its listeners
  RateEstimator request_rate;
  LoadMeter load;               ///< of a pool of MIN..MAX
  bool spoke_nonsense = false;  ///< whether the log says so
};

/// Whether it may be replaced once it is its turn.
inline bool awaits_recycle(const WorkerRecord& worker) noexcept {
  return !worker.recycle_wanted.empty() && counts_towards_pool(worker.state);
}

/// The workers by pid, and which slots and indexes are taken.
class WorkerTable {
 public:
  explicit WorkerTable(std::size_t slots) : slot_taken_(slots, false) {}

  WorkerRecord& add(std::unique_ptr<WorkerRecord> worker);
  /// The worker is gone; its slot stays taken until free() is called.
  void remove(pid_t pid);
  void free(std::size_t slot);
  WorkerRecord* find(pid_t pid) noexcept;

  /// nullopt: the scoreboard is full.
  std::optional<std::size_t> free_slot() const noexcept;
  /// The lowest index of a pool that no worker has.
  unsigned free_index(std::size_t pool) const;

  unsigned count(std::size_t pool) const noexcept;          ///< in any state
  unsigned count_filling(std::size_t pool) const noexcept;  ///< starting or ready
  unsigned count_in(std::size_t pool, WorkerState state) const noexcept;
  unsigned count_due(std::size_t pool) const noexcept;  ///< starting or ready, and being replaced
  bool empty() const noexcept { return workers_.empty(); }

  /// `visit` must not add or remove workers.
  template <class Visit>
  void for_each(Visit visit) {
    for (auto& [pid, worker] : workers_) visit(*worker);
  }
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [pid, worker] : workers_) visit(static_cast<const WorkerRecord&>(*worker));
  }

 private:
  std::map<pid_t, std::unique_ptr<WorkerRecord>> workers_;
  std::vector<bool> slot_taken_;
};

}  // namespace prefork::master
