#include "framework/master/workforce/workforce.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "framework/base/units.hpp"
#include "framework/base/visible.hpp"
#include "framework/config/worker_count.hpp"
#include "framework/master/log/log_settings.hpp"
#include "framework/master/report/activity_text.hpp"
#include "framework/master/upgrade/adoption.hpp"
#include "ipc/posix/pipe.hpp"

namespace prefork::master {

namespace {

constexpr unsigned kPacketsPerTurn = 64;
// When the server stops: until listeners are shut under workers that are stuck, and how often it is looked.
constexpr std::chrono::milliseconds kListenersPatience{2000};
constexpr std::chrono::milliseconds kListenersPause{5};
constexpr unsigned kLastPackets = 256;  // a grandchild may hold the pipe and go on writing

constexpr std::size_t kOutputPerTurn = 16 * 1024;
constexpr unsigned kLastReads = 8;
constexpr std::size_t kLongestLine = ipc::kMaxStatusText;

/// @param unfinished  what has come of the last line; it is completed by `bytes`, and may be cut
std::vector<std::string> complete_lines(std::string& unfinished, std::string_view bytes) {
  std::vector<std::string> lines;
  for (const char byte : bytes) {
    if (byte != '\n') unfinished += byte;
    if (byte == '\n' || unfinished.size() == kLongestLine) {
      if (!unfinished.empty()) lines.push_back(std::exchange(unfinished, {}));
    }
  }
  return lines;
}

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
      reactor_(reactor),
      fork_(std::move(fork)),
      other_(std::move(other)),
      wakeups_(adopted != nullptr ? ipc::Wakeups(std::move(adopted->wakeups))
                                  : ipc::Wakeups::create(crew_.scoreboard.slots())),
      shared_care_(crew_, wakeups_.bells(), log_),
      sizing_(crew_, reactor_, log_),
      saturation_(crew_, log_),
      recycling_(crew_, log_),
      random_(std::random_device()()) {
  if (adopted != nullptr) {
    adopt(*adopted);
    return;
  }
  crew_.current->objects = SharedSet::make(crew_.current->shared.objects, crew_.scoreboard.slots());
  for (std::size_t i = 0; i < crew_.current->options.pools.size(); ++i)
    crew_.pools.add(crew_.current, i, Pool::Role::serving);
}

// Pools.

void Workforce::forget_empty_pools() {
  crew_.pools.remove_if([&](std::size_t id, const Pool& pool) {
    return pool.role == Pool::Role::leaving && crew_.workers.count(id) == 0;
  });
}

void Workforce::stop(WorkerEvent how) {
  if (!std::exchange(stopping_, true)) listeners_until_ = Clock::now() + kListenersPatience;
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
  const unsigned failures = pool.policy.failures(now);
  if (const auto until = pool.policy.throttled_until(now); until && failures > pool.warned_throttle) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*until - now);
    log_.warning("pool " + pool.name + ": " + std::to_string(failures) + " failures in a row (" +
                 std::string(throttle_reason_name(pool.policy.last_reason())) + "), the next start is tried in " +
                 base::duration_words(wait));
  }
  pool.warned_throttle = failures;
  tell_of_pace(pool, now);
  tell_of_circuit(pool, now);
}

bool Workforce::start(std::size_t pool, TimePoint now) {
  const auto slot = crew_.workers.free_slot();
  if (!slot) {
    not_started(pool, now, "all " + std::to_string(crew_.scoreboard.slots()) + " slots of the scoreboard are taken");
    return false;
  }
  try {
    auto record = spawn_worker({crew_.scoreboard, wakeups_, crew_.pools.at(pool), pool, crew_.workers.free_index(pool),
                                *slot, chance(), 0, -1, -1, -1, -1},
                               fork_);
    record->started = record->entered = Clock::now();
    note_sockets(*record);
    record->log = LogBudget(options_of(crew_.pools.at(pool)).log_rate);
    if (record->line.is_open()) {
      const bool reads = options_of(crew_.pools.at(pool)).master_access == config::MasterAccess::read;
      lines_.push_back({std::move(record->line), reads ? ControlAccess::read : ControlAccess::operate});
    }
    WorkerRecord& worker = crew_.workers.add(std::move(record));
    try {
      listen(worker);
    } catch (const std::system_error&) {
      apply(worker, WorkerEvent::kill_wanted);  // nobody would hear that it is ready
      throw;
    }
    log_.debug(crew_.name(worker) + " started", crew_.about(worker));
    if (const unsigned failed = crew_.pools.at(pool).no_start.worked(); failed > 1) {
      log_.notice("pool " + crew_.pools.at(pool).name + ": workers start again, after " + std::to_string(failed) +
                  " tries that failed");
    }
    return true;
  } catch (const std::system_error& error) {
    not_started(pool, now, error.what());
    return false;
  }
}

// It is tried again and again, twice a second, for as long as the machine refuses.
void Workforce::not_started(std::size_t index, TimePoint now, const std::string& why) {
  Pool& pool = crew_.pools.at(index);
  if (const auto added = pool.no_start.failed(now, why)) {
    log_.error("pool " + pool.name + ": no worker started: " + why + *added);
  }
  pool.policy.fork_failed(now);
}

void Workforce::retire(const std::vector<WorkerRecord*>& workers) {
  for (WorkerRecord* worker : workers) apply(*worker, WorkerEvent::retire_wanted);
}

void Workforce::tend(TimePoint now) {
  shared_care_.repair();  // slots that become free may be filled
  crew_.workers.for_each([&](WorkerRecord& worker) {
    const auto deadline = deadline_of(worker);
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
    forget_empty_pools();
    saturation_.tend(now);
  }
  if (stopping_) shut_listeners(now);
  shared_care_.watch_holds(now);
}

// Workers take what waits in the backlogs and close their sockets, at once or when they come back to their loops. Then
// nobody is to hold an address open, not even a process that a service has left behind and that has the socket too.
void Workforce::shut_listeners(TimePoint now) {
  if (!listeners_until_) return;
  bool accepting = false;
  crew_.workers.for_each([&](const WorkerRecord& worker) {
    const ipc::Seat& seat = (*crew_.pool_of(worker).seats)[worker.slot];
    accepting |= seat.state.load(std::memory_order_relaxed) != ipc::SeatState::closed;
  });
  if (accepting && now < *listeners_until_) return;
  listeners_until_.reset();
  for (auto& [id, pool] : crew_.pools) pool.generation->listeners->shut_down();
}

std::optional<TimePoint> Workforce::next_deadline(TimePoint now) const {
  std::optional<TimePoint> next;
  const auto consider = [&](std::optional<TimePoint> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  crew_.workers.for_each([&](const WorkerRecord& worker) {
    if (const auto deadline = deadline_of(worker)) consider(deadline->at);
    consider(next_look(worker, now));
  });
  for (const auto& [id, pool] : crew_.pools) {
    if (!stopping_ && crew_.workers.count_filling(id) < pool.target) consider(pool.policy.throttled_until(now));
  }
  if (rolling() && !stopping_) consider(rollout_->patience());
  if (listeners_until_) consider(now + kListenersPause);
  consider(recycling_.next_rss_check());
  if (!stopping_) consider(recycling_.next_turn(now));
  if (!stopping_) consider(sizing_.next_sample());
  if (!stopping_ && !crew_.workers.empty()) consider(saturation_.next());
  consider(shared_care_.next_deadline(now));
  return next;
}

// Hearing.

void Workforce::listen(WorkerRecord& worker) {
  const pid_t pid = worker.pid;
  reactor_.watch(worker.status.get(), EPOLLIN, [this, pid](std::uint32_t) {
    WorkerRecord* speaker = crew_.workers.find(pid);
    if (speaker != nullptr && !hear(*speaker, kPacketsPerTurn)) reactor_.forget(speaker->status.get());
  });
  reactor_.watch(worker.output.get(), EPOLLIN, [this, pid](std::uint32_t) {
    WorkerRecord* speaker = crew_.workers.find(pid);
    if (speaker != nullptr && !hear_output(*speaker, 1)) reactor_.forget(speaker->output.get());
  });
}

bool Workforce::hear(WorkerRecord& worker, unsigned packets) {
  std::array<std::byte, ipc::kMaxPacketBytes> buffer;
  for (; packets > 0; --packets) {
    const auto [status, packet] = ipc::receive_packet(worker.status.get(), buffer);
    if (status == ipc::ReceiveStatus::closed) return false;
    if (status == ipc::ReceiveStatus::empty) return true;
    if (const auto message = ipc::decode_status(packet)) {
      heard(worker, *message);
    } else {
      hears_nonsense(worker);
    }
  }
  return true;
}

bool Workforce::hear_output(WorkerRecord& worker, unsigned reads) {
  std::array<char, kOutputPerTurn> bytes;
  for (; reads > 0; --reads) {
    const ssize_t n = ::read(worker.output.get(), bytes.data(), bytes.size());
    if (n == -1) return errno == EAGAIN || errno == EINTR;
    if (n == 0) return false;
    for (const std::string& line : complete_lines(worker.unfinished, {bytes.data(), static_cast<std::size_t>(n)})) {
      pass_on(worker, {ipc::StatusKind::log, static_cast<std::uint8_t>(LogLevel::info), line});
    }
  }
  return true;
}

void Workforce::hears_nonsense(WorkerRecord& worker) {
  if (std::exchange(worker.spoke_nonsense, true)) return;
  log_.error(crew_.name(worker) + " says what no worker says: its memory may be damaged", crew_.about(worker));
}

void Workforce::heard(WorkerRecord& worker, const ipc::StatusMessage& message) {
  switch (message.kind) {
    case ipc::StatusKind::ready:
      return apply(worker, WorkerEvent::said_ready);
    case ipc::StatusKind::draining:
      return apply(worker, WorkerEvent::said_draining);
    case ipc::StatusKind::recycle:
      if (!recycling_.ask(worker, base::escape_untrusted(message.text, 128), Clock::now())) hears_nonsense(worker);
      return;
    case ipc::StatusKind::cannot_start:
      worker.start_error = message.text;
      return;
    case ipc::StatusKind::log:
      return pass_on(worker, message);
  }
}

// Changing state.

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
    case WorkerAction::send_abort: {
      worker.intent = event == WorkerEvent::boot_timeout ? ExitIntent::aborted_boot
                      : is_overdue(worker)               ? ExitIntent::aborted_request
                                                         : ExitIntent::aborted_heartbeat;
      log_.error(crew_.name(worker) + " " + std::string(abort_reason(worker.intent)) + ": it is aborted" +
                     crew_.serving_text(worker),
                 crew_.about(worker));
      return signal_worker(worker, SIGABRT);
    }
    case WorkerAction::send_kill:
      if (!is_abort(worker.intent)) {
        worker.intent = event == WorkerEvent::kill_wanted ? ExitIntent::killed_wanted : ExitIntent::killed_stuck;
      }
      return signal_worker(worker, SIGKILL);
    case WorkerAction::give_up_slot:
      return log_.error(crew_.name(worker) + " outlives SIGKILL: its slot is given up until it ends",
                        crew_.about(worker));
    default:
      return;  // ignore, and the reports, which buried() writes
  }
}

void Workforce::command(WorkerRecord& worker, ipc::ControlKind kind) {
  if (worker.intent == ExitIntent::unexpected || kind == ipc::ControlKind::stop_now) {
    worker.intent = kind == ipc::ControlKind::stop_now ? ExitIntent::stopped : ExitIntent::retired;
  }
  const auto limit = crew_.pool_of(worker).limits.drain;
  std::array<std::byte, ipc::kControlBytes> packet;
  // The worker ends by itself a little before its time is over.
  const bool limited = limit.count() > 0 && limit.count() < UINT32_MAX;
  const auto argument =
      limited ? static_cast<std::uint32_t>(std::max<std::int64_t>(limit.count() * 95 / 100, 1)) : UINT32_MAX;
  if (kind != ipc::ControlKind::stop_now) tell_what_to_empty(worker);
  ipc::encode(ipc::ControlMessage{kind, kind == ipc::ControlKind::stop_now ? 0 : argument}, packet);
  // A pipe that is full or closed is a worker that does not listen: its deadline sees to it.
  ipc::send_packet(worker.control.get(), packet);
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
  hear(worker, kLastPackets);  // its last words
  hear_output(worker, kLastReads);
  if (!worker.unfinished.empty()) {
    pass_on(worker, {ipc::StatusKind::log, static_cast<std::uint8_t>(LogLevel::info), worker.unfinished});
  }
  if (worker.log.untold()) tell_of_dropped_lines(worker, Clock::now());
  const Crew::Served served = crew_.serving(worker);
  const ExitFacts end = facts(worker, wait_status, served);
  const std::string report = exit_report(end);
  log_.write(is_expected(end) ? LogLevel::info : LogLevel::error, report, crew_.about(worker));
  const WorkerAction action = transition(worker.state, WorkerEvent::reaped).action;
  if (action == WorkerAction::report_failed_start || action == WorkerAction::report_death) {
    departed(worker, departure_of(wait_status, worker.ready.has_value()), report);
  }
  if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != ipc::kExitRetired) note_lost_request(worker);
  shared_care_.died(worker);
  ipc::accumulate(crew_.totals.retained, crew_.scoreboard.counters(worker.slot));
  crew_.scoreboard.clear(worker.slot);
  crew_.pool_of(worker).seats->clear(worker.slot, ipc::SeatState::empty);
  reactor_.forget(worker.status.get());
  reactor_.forget(worker.output.get());
  crew_.workers.remove(pid);
}

ExitFacts Workforce::facts(const WorkerRecord& worker, int wait_status, const Crew::Served& served) const {
  ExitFacts facts;
  facts.pool = crew_.pool_of(worker).name;
  facts.index = worker.index;
  facts.pid = worker.pid;
  facts.generation = worker.generation;
  facts.wait_status = wait_status;
  facts.uptime = std::chrono::floor<std::chrono::milliseconds>(Clock::now() - worker.started);
  facts.was_ready = worker.ready.has_value();
  facts.intent = worker.intent;
  facts.start_error = worker.start_error;
  if (!served.activity.empty()) facts.activity = served.activity;
  facts.activity_for = served.duration;
  return facts;
}

}  // namespace prefork::master
