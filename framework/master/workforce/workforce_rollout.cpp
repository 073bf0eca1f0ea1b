#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "framework/config/worker_count.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "framework/master/policy/rollout.hpp"
#include "framework/master/report/activity_text.hpp"
#include "framework/master/workforce/workforce.hpp"

// How the workforce takes on another generation.
namespace prefork::master {

namespace {

/// Beyond the time that draining workers may hold the last slots and a new one may take to get ready.
constexpr std::chrono::milliseconds kProgressPatience{10'000};
/// Until the old workers are back; then the new ones go in any case.
constexpr std::chrono::milliseconds kReturnPatience{10'000};
/// A generation that never answers is not given many clients to die over.
constexpr unsigned kMostUnanswered = 10;

}  // namespace

void Workforce::begin_rollout(std::shared_ptr<Generation> next, const std::optional<std::string>& only) {
  const std::size_t slots = crew_.scoreboard.slots();
  std::size_t workers = 0;
  for (const auto& pool : next->options.pools) {
    const unsigned most = config::most_workers(pool);
    workers += most + roll_targets(most, 0, 0).incoming;
  }
  if (workers > slots) {
    throw StartupError(EX_CONFIG, "the pools need " + std::to_string(workers) +
                                      " slots while they are rolled, and the scoreboard has " + std::to_string(slots) +
                                      ": set max-workers in [master] and restart");
  }
  next->objects = SharedSet::make(next->shared.objects, slots, &crew_.current->objects, next->discard);
  for (const std::string& name : next->discard) {
    log_.notice(shared_title(crew_.current->objects.find(name)->shape(), name) + " is discarded with what it holds");
  }

  Rollout rollout;
  for (std::size_t i = 0; i < next->options.pools.size(); ++i) {
    const std::string& name = next->options.pools[i].name;
    if (only && name != *only) continue;
    const auto outgoing = crew_.pools.find(name, Pool::Role::serving);
    const std::size_t incoming = crew_.pools.add(next, i, Pool::Role::incoming);
    crew_.pools.at(incoming).goal =
        first_goal(crew_.pools.at(incoming), outgoing ? &crew_.pools.at(*outgoing) : nullptr);
    rollout.pairs.push_back({incoming, outgoing});
    if (outgoing) crew_.pools.at(*outgoing).role = Pool::Role::outgoing;
  }
  for (auto& [id, pool] : crew_.pools) {
    if (pool.role != Pool::Role::serving || only) continue;
    pool.role = Pool::Role::outgoing;
    rollout.removed.push_back(id);
  }
  for (const Rollout::Pair& pair : rollout.pairs) {
    rollout.progress_within = std::max(rollout.progress_within, crew_.pools.at(pair.incoming).limits.boot);
  }
  rollout.progress_within += crew_.current->options.master.shutdown_timeout + kProgressPatience;
  rollout.patience = Clock::now() + rollout.progress_within;
  rollout.next = std::move(next);
  rollout_ = std::move(rollout);
}

std::string_view Workforce::rollout_phase() const noexcept {
  if (!rollout_) return {};
  switch (rollout_->phase) {
    case Rollout::Phase::canary:
      return "canary";
    case Rollout::Phase::rolling:
      return "rolling";
    case Rollout::Phase::reverting:
      break;
  }
  return "rolling back";
}

void Workforce::set_targets(TimePoint now) {
  for (auto& [id, pool] : crew_.pools) {
    pool.target = pool.role == Pool::Role::leaving ? 0 : pool.goal;
    if (pool.role == Pool::Role::serving) pool.target += successors(id);
  }
  if (!rollout_) return;
  if (rollout_->phase != Rollout::Phase::reverting) check_progress(now);
  if (rollout_->phase == Rollout::Phase::canary) check_canaries();
  if (rollout_->phase == Rollout::Phase::rolling) roll_on();
  if (rollout_ && rollout_->phase == Rollout::Phase::reverting) roll_back(now);
}

// A worker that does not get ready is its boot time-out's matter. This is for one that finds no slot or no process, and
// for those that somebody kills again and again.
void Workforce::check_progress(TimePoint now) {
  unsigned all = 0;
  for (const Rollout::Pair& pair : rollout_->pairs) all += crew_.ready(pair.incoming);
  if (all > rollout_->most_ready) {
    rollout_->most_ready = all;
    rollout_->patience = now + rollout_->progress_within;
  } else if (rollout_->patience <= now) {
    fail_rollout("no further worker of it got ready within " + format_duration(rollout_->progress_within));
  }
}

// The old generation stays as it is until one worker of each new pool has shown that it can serve.
void Workforce::check_canaries() {
  bool all_ready = true;
  for (const Rollout::Pair& pair : rollout_->pairs) {
    crew_.pools.at(pair.incoming).target = 1;
    all_ready = all_ready && crew_.ready(pair.incoming) > 0;
  }
  if (!all_ready) return;
  rollout_->phase = Rollout::Phase::rolling;
  log_.info("generation " + std::to_string(rollout_->next->number) +
            ": a worker of each pool is ready; the rest follows");
}

void Workforce::roll_on() {
  bool done = true;
  for (const Rollout::Pair& pair : rollout_->pairs) {
    Pool& incoming = crew_.pools.at(pair.incoming);
    const RollTargets targets = roll_targets(incoming.goal, crew_.ready(pair.incoming),
                                             pair.outgoing ? crew_.pools.at(*pair.outgoing).goal : 0);
    incoming.target = targets.incoming;
    if (pair.outgoing) crew_.pools.at(*pair.outgoing).target = targets.outgoing;
    done = done && crew_.ready(pair.incoming) >= incoming.goal;
  }
  if (done) return commit_rollout();
  // The last worker of a pool stays until the addresses that go with it are closed: clients come to them until then.
  for (const Rollout::Pair& pair : rollout_->pairs) {
    if (!pair.outgoing || crew_.pools.at(*pair.outgoing).target > 0) continue;
    Pool& outgoing = crew_.pools.at(*pair.outgoing);
    if (serves_what_goes(outgoing)) outgoing.target = std::min(outgoing.goal, 1U);
  }
}

void Workforce::commit_rollout() {
  const auto leave = [&](std::size_t id) {
    Pool& pool = crew_.pools.at(id);
    pool.role = Pool::Role::leaving;
    pool.target = 0;
  };
  for (const Rollout::Pair& pair : rollout_->pairs) {
    crew_.pools.at(pair.incoming).role = Pool::Role::serving;
    if (pair.outgoing) leave(*pair.outgoing);
  }
  for (const std::size_t id : rollout_->removed) leave(id);
  crew_.current = std::move(rollout_->next);
  release_listeners();
  crew_.current->listeners->apply_options();
  shared_care_.generation_changed();
  rollout_.reset();
  rollout_end_ = RolloutEnd{};
}

// A failure of the generation's own, not of somebody's hand or of the kernel short of memory. Nor of a client's: who
// dies over one is replaced, as ever, but for a generation that does so time and again and never answers.
void Workforce::judge(const WorkerRecord& worker, Departure departure, const std::string& why) {
  if (!rollout_ || rollout_->phase == Rollout::Phase::reverting || stopping_) return;
  if (crew_.pool_of(worker).role != Pool::Role::incoming) return;
  if (departure == Departure::killed || departure == Departure::drained) return;
  std::string failure = why.empty() ? crew_.name(worker) + ": " + std::string(departure_name(departure)) : why;
  if (worker.ready && has_a_client(crew_.slot(worker))) {
    rollout_->unanswered = answers(worker.pool) ? 0 : rollout_->unanswered + 1;
    if (rollout_->unanswered < kMostUnanswered) return;
    failure = std::to_string(kMostUnanswered) +
              " workers of it died over a client, one after the other, and none has answered any; the last: " + failure;
  }
  fail_rollout(failure);
}

/// Whether any worker of the pool has sent something to a client.
bool Workforce::answers(std::size_t pool) const {
  std::uint64_t bytes = 0;
  crew_.workers.for_each([&](const WorkerRecord& worker) {
    if (worker.pool != pool) return;
    bytes |= crew_.scoreboard.counters(worker.slot)[static_cast<std::size_t>(ipc::Counter::bytes_out)];
  });
  return bytes > 0;
}

void Workforce::fail_rollout(const std::string& why) {
  log_.error("generation " + std::to_string(rollout_->next->number) + " is rolled back: " + why);
  rollout_->phase = Rollout::Phase::reverting;
  crew_.pools.prefer(Pool::Role::outgoing);
  rollout_->patience = Clock::now() + kReturnPatience;
  for (const std::size_t id : rollout_->removed) crew_.pools.at(id).role = Pool::Role::serving;
  rollout_->removed.clear();
  rollout_end_ = RolloutEnd{why};
}

void Workforce::roll_back(TimePoint now) {
  bool done = true;
  for (const Rollout::Pair& pair : rollout_->pairs) {
    Pool& incoming = crew_.pools.at(pair.incoming);
    incoming.target = 0;
    if (!pair.outgoing) continue;
    const unsigned goal = crew_.pools.at(*pair.outgoing).goal;
    const unsigned back = crew_.ready(*pair.outgoing);
    // Only those that serve stand for an old one; none of them is started any more.
    incoming.target = std::min(roll_targets(goal, back, incoming.goal).outgoing, crew_.ready(pair.incoming));
    done = done && back >= goal;
  }
  if (done || rollout_->patience <= now) drop_rollout();
}

void Workforce::drop_rollout() {
  for (const Rollout::Pair& pair : rollout_->pairs) {
    Pool& incoming = crew_.pools.at(pair.incoming);
    incoming.role = Pool::Role::leaving;
    incoming.target = 0;
    if (pair.outgoing) crew_.pools.at(*pair.outgoing).role = Pool::Role::serving;
  }
  crew_.pools.prefer(Pool::Role::incoming);
  rollout_.reset();
  release_listeners();
}

// A generation that was passed holds on to the addresses of those of its pools that still serve, and to no other: a
// client would wait in a backlog that nobody takes from.
void Workforce::release_listeners() {
  std::map<Generation*, std::set<std::string>> serving;
  for (const auto& [id, pool] : crew_.pools) {
    std::set<std::string>& names = serving[pool.generation.get()];
    if (pool.role == Pool::Role::serving) names.insert(pool.name);
  }
  for (const auto& [generation, names] : serving) {
    if (generation != crew_.current.get()) generation->listeners->keep_only(names);
  }
}

}  // namespace prefork::master
