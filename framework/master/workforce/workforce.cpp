#include "framework/master/workforce/workforce.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "framework/base/visible.hpp"
#include "framework/master/report/activity_text.hpp"
#include "framework/master/upgrade/adoption.hpp"
#include "framework/master/workforce/crew_handover.hpp"
#include "framework/master/workforce/worker_deadline.hpp"
#include "framework/master/workforce/worker_orders.hpp"

namespace prefork::master {

namespace {

Departure departure_of_abort(ExitIntent intent) noexcept {
  if (intent == ExitIntent::aborted_boot) return Departure::boot_timeout;
  return intent == ExitIntent::aborted_request ? Departure::request_timeout : Departure::heartbeat_lost;
}

}  // namespace

Workforce::Workforce(std::shared_ptr<Generation> generation, Log& log, Reactor& reactor, ForkWorker fork,
                     OtherChild other, Adoption* adopted)
    : crew_(generation, adopted != nullptr ? std::move(adopted->scoreboard.value())
                                           : ipc::Scoreboard::create(scoreboard_slots(generation->options))),
      log_(log),
      fork_(std::move(fork)),
      other_(std::move(other)),
      wakeups_(adopted != nullptr ? ipc::Wakeups(std::move(adopted->wakeups))
                                  : ipc::Wakeups::create(crew_.scoreboard.slots())),
      shared_care_(crew_, wakeups_.bells(), log_),
      sizing_(crew_, reactor, log_),
      saturation_(crew_, log_),
      recycling_(crew_, log_),
      hearing_(crew_, reactor, log_,
               [this](WorkerRecord& worker, const ipc::StatusMessage& message) { heard(worker, message); }),
      notices_(log_),
      random_(std::random_device()()) {
  if (adopted != nullptr) {
    adopt_crew(*adopted, crew_);
    crew_.workers.for_each([&](WorkerRecord& worker) { hearing_.listen(worker); });
    return;
  }
  crew_.current->objects = SharedSet::make(crew_.current->shared.objects, crew_.scoreboard.slots());
  for (std::size_t i = 0; i < crew_.current->options.pools.size(); ++i)
    crew_.pools.add(crew_.current, i, Pool::Role::serving);
}

void Workforce::stop(WorkerEvent how) {
  stopping_ = true;
  shutdown_.begin(Clock::now());
  sizing_.stop_watching();
  crew_.workers.for_each([&](WorkerRecord& worker) { apply(worker, how); });
}

// Rolling.

void Workforce::begin_rollout(std::shared_ptr<Generation> next, const std::optional<std::string>& only) {
  rollout_ = std::make_unique<Rollout>(crew_, log_, std::move(next), only, Clock::now());
}

void Workforce::set_targets(TimePoint now) {
  for (auto& [id, pool] : crew_.pools) {
    pool.target = pool.role == Pool::Role::leaving ? 0 : pool.goal;
    if (pool.role == Pool::Role::serving) pool.target += recycling_.successors(id);
  }
  if (rolling()) go_on_rolling(now);
}

void Workforce::go_on_rolling(TimePoint now) {
  const Rollout::Step step = rollout_->advance(now);
  note_failure();
  if (step == Rollout::Step::under_way) return;
  rollout_.reset();
  if (step == Rollout::Step::dropped) return;
  shared_care_.generation_changed();
  rollout_end_ = RolloutEnd{};
}

void Workforce::note_failure() {
  if (auto why = rollout_->take_failure()) rollout_end_ = RolloutEnd{std::move(*why)};
}

// Starting and retiring.

void Workforce::refill(std::size_t index, TimePoint now) {
  Pool& pool = crew_.pools.at(index);
  while (crew_.workers.count_filling(index) < pool.target &&
         pool.policy.take_start(now, crew_.workers.count_in(index, WorkerState::starting))) {
    if (!start(index, now)) return;
  }
  notices_.tell(pool, now);
}

/// @return false: it is not possible now
bool Workforce::start(std::size_t id, TimePoint now) {
  Pool& pool = crew_.pools.at(id);
  const auto fails = [&](const std::string& why) {
    notices_.failed(pool, now, why);
    pool.policy.fork_failed(now);
    return false;
  };
  const auto slot = crew_.workers.free_slot();
  if (!slot) return fails("all " + std::to_string(slots()) + " slots of the scoreboard are taken");
  try {
    start_in(*slot, id);
    notices_.worked(pool);
    return true;
  } catch (const std::system_error& error) {
    return fails(error.what());
  }
}

/// @throws std::system_error
void Workforce::start_in(std::size_t slot, std::size_t id) {
  const Pool& pool = crew_.pools.at(id);
  const unsigned index = crew_.workers.free_index(id);
  auto record = spawn_worker({crew_.scoreboard, wakeups_, pool, id, index, slot, chance(), 0, -1, -1, -1, -1}, fork_);
  record->started = record->entered = Clock::now();
  record->sockets = sockets_of(pool);
  record->log = LogBudget(options_of(pool).log_rate);
  if (record->line.is_open()) {
    const bool reads = options_of(pool).master_access == config::MasterAccess::read;
    lines_.push_back({std::move(record->line), reads ? ControlAccess::read : ControlAccess::operate});
  }
  WorkerRecord& worker = crew_.workers.add(std::move(record));
  try {
    hearing_.listen(worker);
  } catch (const std::system_error&) {
    apply(worker, WorkerEvent::kill_wanted);  // nobody would hear that it is ready
    throw;
  }
  log_.debug(crew_.name(worker) + " started", crew_.about(worker));
}

void Workforce::retire(const std::vector<WorkerRecord*>& workers) {
  for (WorkerRecord* worker : workers) apply(*worker, WorkerEvent::retire_wanted);
}

void Workforce::tend(TimePoint now) {
  shared_care_.repair();  // slots that become free may be filled
  crew_.workers.for_each([&](WorkerRecord& worker) {
    const auto deadline = deadline_of(crew_, worker);
    if (deadline && deadline->at <= now) apply(worker, deadline->event);
  });
  if (!stopping_) {
    retire(sizing_.scale(now));
    set_targets(now);
    sizing_.watch_for_clients();
    recycling_.begin_due(now);
    for (const auto& [id, pool] : crew_.pools) {
      refill(id, now);
      retire(recycling_.replaced(id));
      retire(sizing_.surplus(id));
    }
    for (WorkerRecord* worker : recycling_.bloated(now)) apply(*worker, WorkerEvent::kill_wanted);
    crew_.forget_empty_pools();
    saturation_.tend(now);
  }
  shutdown_.tend(crew_, now);
  shared_care_.watch_holds(now);
}

std::optional<TimePoint> Workforce::next_deadline(TimePoint now) const {
  std::optional<TimePoint> next;
  const auto consider = [&](std::optional<TimePoint> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  crew_.workers.for_each([&](const WorkerRecord& worker) {
    if (const auto deadline = deadline_of(crew_, worker)) consider(deadline->at);
    consider(next_look_at(crew_, worker, now));
  });
  for (const auto& [id, pool] : crew_.pools) {
    if (!stopping_ && crew_.workers.count_filling(id) < pool.target) consider(pool.policy.throttled_until(now));
  }
  if (rolling() && !stopping_) consider(rollout_->patience());
  consider(shutdown_.next(now));
  consider(recycling_.next_rss_check());
  if (!stopping_) consider(recycling_.next_turn(now));
  if (!stopping_) consider(sizing_.next_sample());
  if (!stopping_ && !crew_.workers.empty()) consider(saturation_.next());
  consider(shared_care_.next_deadline(now));
  return next;
}

void Workforce::hand_over(Handover& handover) const {
  hand_over_wakeups(wakeups_, handover);
  hand_over_crew(crew_, handover);
}

void Workforce::report(StatusSnapshot& snapshot) {
  const TimePoint now = Clock::now();
  if (!stopping_) saturation_.look(now);
  report_crew(crew_, saturation_, now, snapshot);
}

// Changing state.

void Workforce::heard(WorkerRecord& worker, const ipc::StatusMessage& message) {
  switch (message.kind) {
    case ipc::StatusKind::ready:
      return apply(worker, WorkerEvent::said_ready);
    case ipc::StatusKind::draining:
      return apply(worker, WorkerEvent::said_draining);
    case ipc::StatusKind::recycle:
      if (!recycling_.ask(worker, base::escape_untrusted(message.text, 128), Clock::now()))
        hearing_.note_nonsense(worker);
      return;
    case ipc::StatusKind::cannot_start:
      worker.start_error = message.text;
      return;
    case ipc::StatusKind::log:
      return;  // Hearing passes it on
  }
}

void Workforce::apply(WorkerRecord& worker, WorkerEvent event) {
  const WorkerStep step = transition(worker.state, event);
  const bool filled = counts_towards_pool(worker.state);
  if (step.next != worker.state) {
    worker.state = step.next;
    worker.entered = Clock::now();
  }
  act(worker, step.action, event);
  // Aborted while it filled its place: the pool is one short before the worker is gone.
  if (step.action == WorkerAction::send_abort && filled) {
    departed(worker, departure_of_abort(worker.intent));
  }
}

void Workforce::act(WorkerRecord& worker, WorkerAction action, WorkerEvent event) {
  switch (action) {
    case WorkerAction::note_ready:
      worker.ready = worker.entered;
      crew_.pool_of(worker).policy.became_ready(worker.entered);
      return log_.info(crew_.name(worker) + " is ready", crew_.about(worker));
    case WorkerAction::note_draining:
      worker.intent = ExitIntent::drained_itself;
      departed(worker, Departure::drained);
      return log_.info(crew_.name(worker) + " retires by itself", crew_.about(worker));
    case WorkerAction::send_retire:
      return command(worker, ipc::ControlKind::retire);
    case WorkerAction::send_finish:
      return command(worker, ipc::ControlKind::finish);
    case WorkerAction::send_stop_now:
      return command(worker, ipc::ControlKind::stop_now);
    case WorkerAction::send_abort:
      return abort(worker, event);
    case WorkerAction::send_kill:
      if (!is_abort(worker.intent)) {
        worker.intent = event == WorkerEvent::kill_wanted ? ExitIntent::killed_wanted : ExitIntent::killed_stuck;
      }
      return signal_worker(worker, SIGKILL);
    case WorkerAction::give_up_slot:
      return log_.error(crew_.name(worker) + " survives SIGKILL: its slot is given up until it ends",
                        crew_.about(worker));
    default:
      return;  // ignore; and the reports, which buried() writes
  }
}

void Workforce::abort(WorkerRecord& worker, WorkerEvent event) {
  worker.intent = event == WorkerEvent::boot_timeout ? ExitIntent::aborted_boot
                  : is_at_request(crew_, worker)     ? ExitIntent::aborted_request
                                                     : ExitIntent::aborted_heartbeat;
  log_.error(crew_.name(worker) + " " + std::string(abort_reason(worker.intent)) + ": it is aborted" +
                 crew_.serving_text(worker),
             crew_.about(worker));
  signal_worker(worker, SIGABRT);
}

/// What is listened on after the present change; nullptr: nothing, the server stops.
const ListenerSet* Workforce::lasting_listeners() const noexcept {
  if (stopping_) return nullptr;
  return rolling() ? &rollout_->lasting_listeners() : crew_.current->listeners.get();
}

void Workforce::command(WorkerRecord& worker, ipc::ControlKind kind) {
  if (worker.intent == ExitIntent::unexpected || kind == ipc::ControlKind::stop_now) {
    worker.intent = kind == ipc::ControlKind::stop_now ? ExitIntent::stopped : ExitIntent::retired;
  }
  if (kind == ipc::ControlKind::stop_now) return order_to_stop(worker);
  order_to_empty(worker, lasting_listeners());
  order_to_drain(worker, kind, crew_.pool_of(worker).limits.drain);
}

void Workforce::departed(WorkerRecord& worker, Departure departure, const std::string& why) {
  ++crew_.totals.departures[static_cast<std::size_t>(departure)];
  Pool& pool = crew_.pool_of(worker);
  const TimePoint now = Clock::now();
  pool.policy.left({departure, worker.started, worker.ready, has_a_client(crew_.slot(worker))}, now, 2 * chance() - 1);
  if (pool.policy.failures(now) > 0) {
    pool.last_end = why.empty() ? crew_.name(worker) + ": " + std::string(departure_name(departure)) : why;
  }
  if (!rolling() || stopping_) return;
  rollout_->judge(worker, departure, why, now);
  note_failure();
}

// Burying.

void Workforce::reap() {
  for (;;) {
    int wait_status = 0;
    const pid_t pid = ::waitpid(-1, &wait_status, WNOHANG);
    if (pid == -1 && errno == EINTR) continue;
    if (pid <= 0) return;
    if (crew_.workers.find(pid) != nullptr) {
      buried(pid, wait_status);
    } else if (other_) {
      other_(pid, wait_status);  // or an orphan given to pid 1
    }
  }
}

void Workforce::buried(pid_t pid, int wait_status) {
  WorkerRecord& worker = *crew_.workers.find(pid);
  hearing_.hear_last_words(worker);
  const Crew::Served served = crew_.serving(worker);
  const ExitFacts end = exit_facts(crew_, worker, wait_status, served);
  const std::string report = exit_report(end);
  log_.write(is_expected(end) ? LogLevel::info : LogLevel::error, report, crew_.about(worker));
  const WorkerAction action = transition(worker.state, WorkerEvent::reaped).action;
  if (action == WorkerAction::report_failed_start || action == WorkerAction::report_death) {
    departed(worker, departure_of(wait_status, worker.ready.has_value()), report);
  }
  if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != ipc::kExitRetired) {
    if (auto request = lost_request_of(crew_, worker)) lost_requests_.push_back(std::move(*request));
  }
  shared_care_.died(worker);
  ipc::accumulate(crew_.totals.retained, crew_.scoreboard.counters(worker.slot));
  crew_.scoreboard.clear(worker.slot);
  crew_.pool_of(worker).seats->clear(worker.slot, ipc::SeatState::empty);
  crew_.workers.remove(pid);
}

}  // namespace prefork::master
