#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framework/master/control/control_command.hpp"
#include "framework/master/generation/generation.hpp"
#include "framework/master/log/log.hpp"
#include "framework/master/loop/reactor.hpp"
#include "framework/master/policy/restart_policy.hpp"
#include "framework/master/report/status_report.hpp"
#include "framework/master/workforce/crew.hpp"
#include "framework/master/workforce/crew_report.hpp"
#include "framework/master/workforce/hearing.hpp"
#include "framework/master/workforce/listener_shutdown.hpp"
#include "framework/master/workforce/lost_request.hpp"
#include "framework/master/workforce/recycling.hpp"
#include "framework/master/workforce/rollout.hpp"
#include "framework/master/workforce/saturation_watch.hpp"
#include "framework/master/workforce/shared_care.hpp"
#include "framework/master/workforce/sizing.hpp"
#include "framework/master/workforce/spawner.hpp"
#include "framework/master/workforce/start_notices.hpp"
#include "ipc/contract/contract.hpp"
#include "ipc/memory/scoreboard.hpp"
#include "ipc/objects/party.hpp"
#include "ipc/objects/wakeup.hpp"

namespace prefork::master {

struct Adoption;
struct Handover;

/// The workers of all pools: keeps as many as each pool should have, ends those that are stuck, reports on those that
/// died. It starts, orders and reaps workers; what should be done is decided by its parts, each of which sees the Crew.
/// Used by the master, in its loop. Nothing blocks.
class Workforce {
 public:
  /// Called for a child that has been reaped and is no worker.
  using OtherChild = std::function<void(pid_t, int wait_status)>;

  /// Makes the scoreboard, the wake-ups and the shared objects. @throws std::system_error, StartupError
  /// @param adopted  what an upgrade carries over to this program; nullptr: nothing, this is a start
  Workforce(std::shared_ptr<Generation> generation, Log& log, Reactor& reactor, ForkWorker fork, OtherChild other = {},
            Adoption* adopted = nullptr);
  /// Adds pools, workers, generations and what they share. No rollout may be under way.
  void hand_over(Handover& handover) const;

  /// @return the id of the pool; during a rollout that of the incoming one
  std::optional<std::size_t> find_pool(const std::string& name) const noexcept { return crew_.pools.find(name); }
  /// How many workers a pool should have when no rollout is under way.
  unsigned goal(std::size_t pool) const noexcept { return crew_.pools.at(pool).goal; }
  /// Sets sizes, or returns them to the configuration and the load.
  Sizing& sizing() noexcept { return sizing_; }
  std::size_t slots() const noexcept { return crew_.scoreboard.slots(); }
  /// The generation that serves, or did when the last rollout ended.
  const Generation& current() const noexcept { return *crew_.current; }

  /// Begins to roll a generation in; see Rollout. @throws StartupError: it is not possible, and nothing has changed
  void begin_rollout(std::shared_ptr<Generation> next, const std::optional<std::string>& only);
  bool rolling() const noexcept { return rollout_ != nullptr; }
  /// "canary", "rolling", "rolling back", or nothing
  std::string_view rollout_phase() const noexcept { return rolling() ? rollout_->phase_name() : std::string_view(); }
  struct RolloutEnd {
    std::string failure;  ///< empty: the generation serves
  };
  /// @return how the rollout ended, once
  std::optional<RolloutEnd> take_rollout_end() noexcept { return std::exchange(rollout_end_, std::nullopt); }
  /// The generations that have workers or may start some.
  std::vector<const Generation*> generations() const { return crew_.generations(); }

  /// Reaps every child that has ended. Must be called after SIGCHLD was taken, since signals coalesce.
  void reap();
  /// Does what is due: deadlines of workers, starts and retirements.
  void tend(TimePoint now);
  /// The latest time to call tend() again.
  std::optional<TimePoint> next_deadline(TimePoint now) const;

  /// From now on no worker is started, and all are told to leave. The listeners are shut down once all have closed
  /// theirs.
  void stop(WorkerEvent how);
  bool empty() const noexcept { return crew_.workers.empty(); }

  Strength strength() const { return strength_of(crew_); }

  /// Adds pools, workers, totals and restarts.
  void report(StatusSnapshot& snapshot);

  /// A socket on which a worker may ask, and what it may ask.
  struct Line {
    ipc::UniqueFd socket;
    ControlAccess access;
  };
  /// @return those of the workers that were started since the last call
  std::vector<Line> take_lines() noexcept { return std::exchange(lines_, {}); }

  /// @return the requests that workers died over since the last call
  std::vector<LostRequest> take_lost_requests() noexcept { return std::exchange(lost_requests_, {}); }

  const SharedSet& shared() const noexcept { return crew_.current->objects; }
  SharedCare& shared_care() noexcept { return shared_care_; }
  const ipc::Bells& bells() const noexcept { return wakeups_.bells(); }

 private:
  void set_targets(TimePoint now);
  void go_on_rolling(TimePoint now);
  void note_failure();
  const ListenerSet* lasting_listeners() const noexcept;

  double chance() { return std::uniform_real_distribution<double>(0.0, 1.0)(random_); }
  void refill(std::size_t pool, TimePoint now);
  bool start(std::size_t pool, TimePoint now);
  void start_in(std::size_t slot, std::size_t pool);
  void retire(const std::vector<WorkerRecord*>& workers);

  void heard(WorkerRecord& worker, const ipc::StatusMessage& message);
  void apply(WorkerRecord& worker, WorkerEvent event);
  void act(WorkerRecord& worker, WorkerAction action, WorkerEvent event);
  void abort(WorkerRecord& worker, WorkerEvent event);
  void command(WorkerRecord& worker, ipc::ControlKind kind);
  void departed(WorkerRecord& worker, Departure departure, const std::string& why = {});
  void buried(pid_t pid, int wait_status);

  Crew crew_;
  Log& log_;
  ForkWorker fork_;
  OtherChild other_;
  ipc::Wakeups wakeups_;
  SharedCare shared_care_;
  Sizing sizing_;
  SaturationWatch saturation_;
  Recycling recycling_;
  Hearing hearing_;
  StartNotices notices_;
  ListenerShutdown shutdown_;
  std::minstd_rand random_;
  std::unique_ptr<Rollout> rollout_;
  std::optional<RolloutEnd> rollout_end_;
  std::vector<Line> lines_;
  std::vector<LostRequest> lost_requests_;
  bool stopping_ = false;
};

}  // namespace prefork::master
