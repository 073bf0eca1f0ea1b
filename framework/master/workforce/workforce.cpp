#include "framework/master/workforce/workforce.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

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
    : current_(std::move(generation)),
      log_(log),
      reactor_(reactor),
      fork_(std::move(fork)),
      other_(std::move(other)),
      scoreboard_(adopted != nullptr ? std::move(adopted->scoreboard.value())
                                     : ipc::Scoreboard::create(scoreboard_slots(current_->options))),
      wakeups_(adopted != nullptr ? ipc::Wakeups(std::move(adopted->wakeups))
                                  : ipc::Wakeups::create(scoreboard_.slots())),
      holds_(hold_limits(current_->shared)),
      repairs_(repair_hooks()),
      table_(scoreboard_.slots()),
      random_(std::random_device()()) {
  if (adopted != nullptr) {
    adopt(*adopted);
    return;
  }
  current_->objects = SharedSet::make(current_->shared.objects, scoreboard_.slots());
  for (std::size_t i = 0; i < current_->options.pools.size(); ++i) add_pool(current_, i, Pool::Role::serving);
}

// Pools.

Pool Workforce::make_pool(const std::shared_ptr<Generation>& generation, std::size_t place) const {
  const config::PoolOptions& options = generation->options.pools[place];
  Pool pool;
  pool.generation = generation;
  pool.place = place;
  pool.name = options.name;
  pool.user = generation->identities.at(pool.name).user;
  pool.goal = options.workers;
  pool.scaler = scaler_of(options, Clock::now());
  pool.max_rss_hard = options.max_rss_hard;
  pool.recycles = Pace(recycle_pace(config::most_workers(options)));
  pool.limits.boot = options.boot_timeout;
  pool.limits.heartbeat = options.worker_timeout;
  pool.limits.drain = generation->options.master.shutdown_timeout;
  for (std::size_t i = 0; i < generation->options.services.size(); ++i) {
    const config::ServiceOptions& service = generation->options.services[i];
    if (service.pool != pool.name) continue;
    pool.services.push_back(service.name);
    pool.log_levels.push_back(log_threshold(generation->options, i));
    pool.request_timeouts.push_back(service.request_timeout);
  }
  const auto unlimited = [](std::chrono::milliseconds timeout) { return timeout.count() == 0; };
  if (std::ranges::all_of(pool.request_timeouts, unlimited)) pool.request_timeouts.clear();
  return pool;
}

std::size_t Workforce::add_pool(const std::shared_ptr<Generation>& generation, std::size_t place, Pool::Role role) {
  Pool pool = make_pool(generation, place);
  const auto namesake =
      std::find_if(pools_.begin(), pools_.end(), [&](const auto& known) { return known.second.name == pool.name; });
  const bool is_known = namesake != pools_.end();
  pool.seats =
      is_known ? namesake->second.seats : std::make_shared<const ipc::Seats>(ipc::Seats::create(scoreboard_.slots()));
  pool.number = is_known ? namesake->second.number : next_number_++;
  pool.role = role;
  pools_.emplace(next_pool_, std::move(pool));
  return next_pool_++;
}

std::optional<std::size_t> Workforce::find_pool(const std::string& name, Pool::Role role) const noexcept {
  for (const auto& [id, pool] : pools_) {
    if (pool.role == role && pool.name == name) return id;
  }
  return std::nullopt;
}

std::optional<std::size_t> Workforce::find_pool(const std::string& name) const noexcept {
  const bool goes_back = rollout_ && rollout_->phase == Rollout::Phase::reverting;
  for (const Pool::Role role : {goes_back ? Pool::Role::outgoing : Pool::Role::incoming, Pool::Role::serving}) {
    if (const auto found = find_pool(name, role)) return found;
  }
  return std::nullopt;
}

std::size_t Workforce::room_beside(std::size_t pool) const noexcept {
  std::size_t total = 0;
  for (const auto& [id, other] : pools_) {
    const bool counts = other.role == Pool::Role::serving || other.role == pools_.at(pool).role;
    total += id != pool && counts ? room_for(other) : 0;
  }
  return total;
}

bool Workforce::set_goal(std::size_t pool, unsigned workers) {
  if (room_beside(pool) + workers > scoreboard_.slots()) return false;
  pools_.at(pool).goal = workers;
  pools_.at(pool).held = true;
  return true;
}

void Workforce::retire_all() {
  for (auto& [id, pool] : pools_) {
    pool.goal = 0;
    pool.held = true;
  }
}

void Workforce::forget_empty_pools() {
  std::erase_if(pools_, [&](const auto& pool) {
    return pool.second.role == Pool::Role::leaving && table_.count(pool.first) == 0;
  });
}

std::vector<const Generation*> Workforce::generations() const {
  std::vector<const Generation*> all{current_.get()};
  for (const auto& [id, pool] : pools_) {
    if (std::find(all.begin(), all.end(), pool.generation.get()) == all.end()) all.push_back(pool.generation.get());
  }
  return all;
}

void Workforce::stop(WorkerEvent how) {
  if (!std::exchange(stopping_, true)) listeners_until_ = Clock::now() + kListenersPatience;
  for (auto& [id, pool] : pools_) pool.watch.reset();
  table_.for_each([&](WorkerRecord& worker) { apply(worker, how); });
}

// Starting and retiring.

void Workforce::refill(std::size_t index, TimePoint now) {
  Pool& pool = pools_.at(index);
  while (table_.count_filling(index) < pool.target &&
         pool.policy.take_start(now, table_.count_in(index, WorkerState::starting))) {
    if (!start(index, now)) return;
  }
  const unsigned failures = pool.policy.failures(now);
  if (const auto until = pool.policy.throttled_until(now); until && failures > pool.warned_throttle) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(*until - now);
    log_.warning("pool " + pool.name + ": " + std::to_string(failures) + " failures in a row (" +
                 std::string(throttle_reason_name(pool.policy.last_reason())) + "), the next start is tried in " +
                 format_duration(wait));
  }
  pool.warned_throttle = failures;
  tell_of_pace(pool, now);
  tell_of_circuit(pool, now);
}

bool Workforce::start(std::size_t pool, TimePoint now) {
  const auto slot = table_.free_slot();
  if (!slot) {
    not_started(pool, now, "all " + std::to_string(scoreboard_.slots()) + " slots of the scoreboard are taken");
    return false;
  }
  try {
    auto record = spawn_worker(
        {scoreboard_, wakeups_, pools_.at(pool), pool, table_.free_index(pool), *slot, chance(), 0, -1, -1, -1, -1},
        fork_);
    record->started = record->entered = Clock::now();
    note_sockets(*record);
    record->log = LogBudget(options_of(pools_.at(pool)).log_rate);
    if (record->line.is_open()) {
      const bool reads = options_of(pools_.at(pool)).master_access == config::MasterAccess::read;
      lines_.push_back({std::move(record->line), reads ? ControlAccess::read : ControlAccess::operate});
    }
    WorkerRecord& worker = table_.add(std::move(record));
    try {
      listen(worker);
    } catch (const std::system_error&) {
      apply(worker, WorkerEvent::kill_wanted);  // nobody would hear that it is ready
      throw;
    }
    log_.debug(name(worker) + " started", about(worker));
    if (const unsigned failed = pools_.at(pool).no_start.worked(); failed > 1) {
      log_.notice("pool " + pools_.at(pool).name + ": workers start again, after " + std::to_string(failed) +
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
  Pool& pool = pools_.at(index);
  if (const auto added = pool.no_start.failed(now, why)) {
    log_.error("pool " + pool.name + ": no worker started: " + why + *added);
  }
  pool.policy.fork_failed(now);
}

// The one that has least to lose goes first, and of those the last that came.
void Workforce::shrink(std::size_t pool) {
  while (table_.count_filling(pool) > pools_.at(pool).target) {
    WorkerRecord* choice = nullptr;
    std::uint64_t least = UINT64_MAX;
    table_.for_each([&](WorkerRecord& worker) {
      if (worker.pool != pool || !counts_towards_pool(worker.state)) return;
      const ipc::WorkerSlot& slot = scoreboard_.slot(worker.slot);
      const bool busy = slot.activity_kind.load(std::memory_order_relaxed) != ipc::ActivityKind::none;
      // The one that is to be replaced anyway before any other.
      const std::uint64_t connections = slot.connections.load(std::memory_order_relaxed);
      const std::uint64_t load = worker.recycle.empty() ? 2 * connections + (busy ? 2 : 1) : 0;
      if (choice == nullptr || load < least || (load == least && worker.index > choice->index)) {
        choice = &worker;
        least = load;
      }
    });
    apply(*choice, WorkerEvent::retire_wanted);
  }
}

void Workforce::tend(TimePoint now) {
  repairs_.tend();  // slots that become free may be filled
  table_.for_each([&](WorkerRecord& worker) {
    const auto deadline = deadline_of(worker);
    if (deadline && deadline->at <= now) apply(worker, deadline->event);
  });
  if (!stopping_) {
    scale_pools(now);
    set_targets(now);
    watch_for_clients();
    begin_recycles(now);
    for (const auto& [id, pool] : pools_) {
      refill(id, now);
      replace_due(id);
      shrink(id);
    }
    kill_bloated(now);
    forget_empty_pools();
    watch_saturation(now);
  }
  if (stopping_) shut_listeners(now);
  watch_holds(now);
}

// Workers take what waits in the backlogs and close their sockets, at once or when they come back to their loops. Then
// nobody is to hold an address open, not even a process that a service has left behind and that has the socket too.
void Workforce::shut_listeners(TimePoint now) {
  if (!listeners_until_) return;
  bool accepting = false;
  table_.for_each([&](const WorkerRecord& worker) {
    const ipc::Seat& seat = (*pools_.at(worker.pool).seats)[worker.slot];
    accepting |= seat.state.load(std::memory_order_relaxed) != ipc::SeatState::closed;
  });
  if (accepting && now < *listeners_until_) return;
  listeners_until_.reset();
  for (auto& [id, pool] : pools_) pool.generation->listeners->shut_down();
}

std::optional<TimePoint> Workforce::next_deadline(TimePoint now) const {
  std::optional<TimePoint> next;
  const auto consider = [&](std::optional<TimePoint> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  table_.for_each([&](const WorkerRecord& worker) {
    if (const auto deadline = deadline_of(worker)) consider(deadline->at);
    consider(next_look(worker, now));
  });
  for (const auto& [id, pool] : pools_) {
    if (!stopping_ && table_.count_filling(id) < pool.target) consider(pool.policy.throttled_until(now));
  }
  if (rollout_ && !stopping_) consider(rollout_->patience);
  if (listeners_until_) consider(now + kListenersPause);
  table_.for_each([&](const WorkerRecord& worker) {
    if (!stopping_ && awaits_recycle(worker)) consider(pools_.at(worker.pool).recycles.next(now));
  });
  consider(next_rss_check_);
  if (!stopping_) consider(next_sample_);
  if (!stopping_ && !table_.empty()) consider(next_saturation_look_);
  if (!table_.empty()) consider(holds_.next());
  if (repairs_.pending() || hold_sample_) next = now;
  return next;
}

// Hearing.

void Workforce::listen(WorkerRecord& worker) {
  const pid_t pid = worker.pid;
  reactor_.watch(worker.status.get(), EPOLLIN, [this, pid](std::uint32_t) {
    WorkerRecord* speaker = table_.find(pid);
    if (speaker != nullptr && !hear(*speaker, kPacketsPerTurn)) reactor_.forget(speaker->status.get());
  });
  reactor_.watch(worker.output.get(), EPOLLIN, [this, pid](std::uint32_t) {
    WorkerRecord* speaker = table_.find(pid);
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
  log_.error(name(worker) + " says what no worker says: its memory may be damaged", about(worker));
}

void Workforce::heard(WorkerRecord& worker, const ipc::StatusMessage& message) {
  switch (message.kind) {
    case ipc::StatusKind::ready:
      return apply(worker, WorkerEvent::said_ready);
    case ipc::StatusKind::draining:
      return apply(worker, WorkerEvent::said_draining);
    case ipc::StatusKind::recycle:
      return recycle(worker, escape_untrusted(message.text, 128));
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
  std::chrono::milliseconds duration{0};
  switch (action) {
    case WorkerAction::note_ready:
      worker.ready = worker.entered;
      pools_.at(worker.pool).policy.became_ready(worker.entered);
      return log_.info(name(worker) + " is ready", about(worker));
    case WorkerAction::note_draining:
      worker.intent = ExitIntent::drained_itself;
      departed(worker, Departure::drained);
      return log_.info(name(worker) + " retires by itself", about(worker));
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
      const std::string activity = serving(worker, duration);
      log_.error(name(worker) + " " + std::string(abort_reason(worker.intent)) + ": it is aborted" +
                     (activity.empty() ? "" : "; it is serving " + escape_untrusted(activity, 256)),
                 about(worker));
      return signal_worker(worker, SIGABRT);
    }
    case WorkerAction::send_kill:
      if (!is_abort(worker.intent)) {
        worker.intent = event == WorkerEvent::kill_wanted ? ExitIntent::killed_wanted : ExitIntent::killed_stuck;
      }
      return signal_worker(worker, SIGKILL);
    case WorkerAction::give_up_slot:
      return log_.error(name(worker) + " outlives SIGKILL: its slot is given up until it ends", about(worker));
    default:
      return;  // ignore, and the reports, which buried() writes
  }
}

void Workforce::command(WorkerRecord& worker, ipc::ControlKind kind) {
  if (worker.intent == ExitIntent::unexpected || kind == ipc::ControlKind::stop_now) {
    worker.intent = kind == ipc::ControlKind::stop_now ? ExitIntent::stopped : ExitIntent::retired;
  }
  const auto limit = pools_.at(worker.pool).limits.drain;
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
  ++departures_[static_cast<std::size_t>(departure)];
  Pool& pool = pools_.at(worker.pool);
  const TimePoint now = Clock::now();
  pool.policy.left({departure, worker.started, worker.ready, has_a_client(scoreboard_.slot(worker.slot))}, now,
                   2 * chance() - 1);
  if (pool.policy.failures(now) > 0) {
    pool.last_end = why.empty() ? name(worker) + ": " + std::string(departure_name(departure)) : why;
  }
  judge(worker, departure, why);
}

// Burying.

void Workforce::reap() {
  for (;;) {
    int wait_status = 0;
    const pid_t pid = ::waitpid(-1, &wait_status, WNOHANG);
    if (pid == -1 && errno == EINTR) continue;
    if (pid <= 0) return;
    if (table_.find(pid) != nullptr) {
      buried(pid, wait_status);
    } else if (other_) {
      other_(pid, wait_status);  // or an orphan given to pid 1
    }
  }
}

void Workforce::buried(pid_t pid, int wait_status) {
  WorkerRecord& worker = *table_.find(pid);
  hear(worker, kLastPackets);  // its last words
  hear_output(worker, kLastReads);
  if (!worker.unfinished.empty()) {
    pass_on(worker, {ipc::StatusKind::log, static_cast<std::uint8_t>(LogLevel::info), worker.unfinished});
  }
  if (worker.log.untold()) tell_of_dropped_lines(worker, Clock::now());
  std::chrono::milliseconds duration{0};
  const std::string activity = serving(worker, duration);
  ExitFacts end = facts(worker, wait_status, activity);
  end.activity_for = duration;
  const std::string report = exit_report(end);
  log_.write(is_expected(end) ? LogLevel::info : LogLevel::error, report, about(worker));
  const WorkerAction action = transition(worker.state, WorkerEvent::reaped).action;
  if (action == WorkerAction::report_failed_start || action == WorkerAction::report_death) {
    departed(worker, departure_of(wait_status, worker.ready.has_value()), report);
  }
  if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != ipc::kExitRetired) note_lost_request(worker);
  repairs_.add({worker.slot, name(worker)});
  ipc::accumulate(retained_, scoreboard_.counters(worker.slot));
  scoreboard_.clear(worker.slot);
  pools_.at(worker.pool).seats->clear(worker.slot, ipc::SeatState::empty);
  reactor_.forget(worker.status.get());
  reactor_.forget(worker.output.get());
  table_.remove(pid);
}

ExitFacts Workforce::facts(const WorkerRecord& worker, int wait_status, const std::string& activity) const {
  ExitFacts facts;
  facts.pool = pools_.at(worker.pool).name;
  facts.index = worker.index;
  facts.pid = worker.pid;
  facts.generation = worker.generation;
  facts.wait_status = wait_status;
  facts.uptime = std::chrono::floor<std::chrono::milliseconds>(Clock::now() - worker.started);
  facts.was_ready = worker.ready.has_value();
  facts.intent = worker.intent;
  facts.start_error = worker.start_error;
  if (!activity.empty()) facts.activity = activity;
  return facts;
}

}  // namespace prefork::master
