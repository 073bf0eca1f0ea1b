#include "framework/master/workforce/rollout.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "framework/base/units.hpp"
#include "framework/config/worker_count.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "framework/master/policy/roll_targets.hpp"
#include "framework/master/report/activity_text.hpp"

namespace prefork::master {

namespace {

/// In addition to the time for which draining workers may hold the last slots and a new one may take to become ready.
constexpr std::chrono::milliseconds kProgressPatience{10'000};
/// How long until the old workers are back; after that the new ones leave in any case.
constexpr std::chrono::milliseconds kReturnPatience{10'000};
/// A generation that never answers must not crash on many clients.
constexpr unsigned kMostUnanswered = 10;

/// @throws StartupError
void check_room(const config::Options& options, std::size_t slots) {
  std::size_t workers = 0;
  for (const auto& pool : options.pools) {
    const unsigned most = config::most_workers(pool);
    workers += most + roll_targets(most, 0, 0).incoming;
  }
  if (workers <= slots) return;
  throw StartupError(EX_CONFIG, "the pools need " + std::to_string(workers) +
                                    " slots while they are rolled, and the scoreboard has " + std::to_string(slots) +
                                    ": set max-workers in [master] and restart");
}

}  // namespace

Rollout::Rollout(Crew& crew, Log& log, std::shared_ptr<Generation> next, const std::optional<std::string>& only,
                 TimePoint now)
    : crew_(crew), log_(log), next_(std::move(next)) {
  check_room(next_->options, crew_.scoreboard.slots());
  make_objects();
  pair_pools(only);
  for (const Pair& pair : pairs_) {
    progress_within_ = std::max(progress_within_, crew_.pools.at(pair.incoming).limits.boot);
  }
  progress_within_ += crew_.current->options.master.shutdown_timeout + kProgressPatience;
  patience_ = now + progress_within_;
}

void Rollout::make_objects() {
  const SharedSet& before = crew_.current->objects;
  next_->objects = SharedSet::make(next_->shared.objects, crew_.scoreboard.slots(), &before, next_->discard);
  for (const std::string& name : next_->discard) {
    log_.notice(shared_title(before.find(name)->shape(), name) + " is discarded with what it holds");
  }
}

void Rollout::pair_pools(const std::optional<std::string>& only) {
  for (std::size_t i = 0; i < next_->options.pools.size(); ++i) {
    const std::string& name = next_->options.pools[i].name;
    if (only && name != *only) continue;
    const auto outgoing = crew_.pools.find(name, PoolRole::serving);
    const std::size_t incoming = crew_.pools.add(next_, i, PoolRole::incoming);
    Pool& pool = crew_.pools.at(incoming);
    pool.goal = first_goal(pool, outgoing ? crew_.pools.at(*outgoing).goal : 0);
    pairs_.push_back({incoming, outgoing});
    if (outgoing) crew_.pools.at(*outgoing).role = PoolRole::outgoing;
  }
  if (only) return;
  for (auto& [id, pool] : crew_.pools) {
    if (pool.role != PoolRole::serving) continue;
    pool.role = PoolRole::outgoing;
    removed_.push_back(id);
  }
}

std::string_view Rollout::phase_name() const noexcept {
  switch (phase_) {
    case Phase::canary:
      return "canary";
    case Phase::rolling:
      return "rolling";
    case Phase::reverting:
      break;
  }
  return "rolling back";
}

const ListenerSet& Rollout::lasting_listeners() const noexcept {
  return phase_ == Phase::rolling ? *next_->listeners : *crew_.current->listeners;
}

Rollout::Step Rollout::advance(TimePoint now) {
  if (phase_ != Phase::reverting) check_progress(now);
  if (phase_ == Phase::canary) check_canaries();
  if (phase_ == Phase::rolling) return roll_on();
  return phase_ == Phase::reverting ? roll_back(now) : Step::under_way;
}

// The boot time-out covers a worker that does not become ready. This is for a worker that finds no slot or no process,
// and for workers that somebody kills repeatedly.
void Rollout::check_progress(TimePoint now) {
  unsigned all = 0;
  for (const Pair& pair : pairs_) all += crew_.ready(pair.incoming);
  if (all > most_ready_) {
    most_ready_ = all;
    patience_ = now + progress_within_;
  } else if (patience_ <= now) {
    fail("no further worker of it became ready within " + base::duration_words(progress_within_), now);
  }
}

// The old generation stays as it is until one worker of each new pool has shown that it can serve.
void Rollout::check_canaries() {
  bool all_ready = true;
  for (const Pair& pair : pairs_) {
    crew_.pools.at(pair.incoming).target = 1;
    all_ready = all_ready && crew_.ready(pair.incoming) > 0;
  }
  if (!all_ready) return;
  phase_ = Phase::rolling;
  log_.info("generation " + std::to_string(next_->number) + ": a worker of each pool is ready; the rest follows");
}

Rollout::Step Rollout::roll_on() {
  bool done = true;
  for (const Pair& pair : pairs_) {
    Pool& incoming = crew_.pools.at(pair.incoming);
    const unsigned ready = crew_.ready(pair.incoming);
    const RollTargets targets =
        roll_targets(incoming.goal, ready, pair.outgoing ? crew_.pools.at(*pair.outgoing).goal : 0);
    incoming.target = targets.incoming;
    if (pair.outgoing) crew_.pools.at(*pair.outgoing).target = targets.outgoing;
    done = done && ready >= incoming.goal;
  }
  if (done) {
    take();
    return Step::taken;
  }
  keep_last_workers();
  return Step::under_way;
}

// The last worker of a pool stays until the addresses that go away with it are closed: clients come to them until then.
void Rollout::keep_last_workers() {
  for (const Pair& pair : pairs_) {
    if (!pair.outgoing || crew_.pools.at(*pair.outgoing).target > 0) continue;
    Pool& outgoing = crew_.pools.at(*pair.outgoing);
    if (serves_what_goes(outgoing)) outgoing.target = std::min(outgoing.goal, 1U);
  }
}

bool Rollout::serves_what_goes(const Pool& pool) const {
  bool goes = false;
  pool.generation->listeners->for_each_of(
      pool.name, [&](const BoundListener&, const auto& socket) { goes = goes || !next_->listeners->has(*socket); });
  return goes;
}

void Rollout::leave(std::size_t id) {
  Pool& pool = crew_.pools.at(id);
  pool.role = PoolRole::leaving;
  pool.target = 0;
}

void Rollout::take() {
  for (const Pair& pair : pairs_) {
    crew_.pools.at(pair.incoming).role = PoolRole::serving;
    if (pair.outgoing) leave(*pair.outgoing);
  }
  for (const std::size_t id : removed_) leave(id);
  crew_.current = std::move(next_);
  release_listeners();
  crew_.current->listeners->apply_options();
}

// Only a failure of the generation itself counts, not a kill by somebody, or by the kernel when memory is short. Nor
// does a client's: a worker that dies while serving one is replaced as usual, unless workers of the generation do so
// repeatedly and none ever answers.
void Rollout::judge(const WorkerRecord& worker, Departure departure, const std::string& why, TimePoint now) {
  if (phase_ == Phase::reverting || crew_.pool_of(worker).role != PoolRole::incoming) return;
  if (departure == Departure::killed || departure == Departure::drained) return;
  std::string failure = why.empty() ? crew_.name(worker) + ": " + std::string(departure_name(departure)) : why;
  if (worker.ready && has_a_client(crew_.slot(worker))) {
    unanswered_ = answers(worker.pool) ? 0 : unanswered_ + 1;
    if (unanswered_ < kMostUnanswered) return;
    failure =
        std::to_string(kMostUnanswered) +
        " workers of it died while serving a client, one after the other, and none answered one; the last: " + failure;
  }
  fail(failure, now);
}

/// Whether any worker of the pool has sent something to a client.
bool Rollout::answers(std::size_t pool) const {
  std::uint64_t bytes = 0;
  crew_.workers.for_each([&](const WorkerRecord& worker) {
    if (worker.pool != pool) return;
    bytes |= crew_.scoreboard.counters(worker.slot)[static_cast<std::size_t>(ipc::Counter::bytes_out)];
  });
  return bytes > 0;
}

void Rollout::fail(const std::string& why, TimePoint now) {
  log_.error("generation " + std::to_string(next_->number) + " is rolled back: " + why);
  phase_ = Phase::reverting;
  crew_.pools.prefer(PoolRole::outgoing);
  patience_ = now + kReturnPatience;
  for (const std::size_t id : removed_) crew_.pools.at(id).role = PoolRole::serving;
  removed_.clear();
  failure_ = why;
}

Rollout::Step Rollout::roll_back(TimePoint now) {
  bool done = true;
  for (const Pair& pair : pairs_) {
    Pool& incoming = crew_.pools.at(pair.incoming);
    incoming.target = 0;
    if (!pair.outgoing) continue;
    const unsigned goal = crew_.pools.at(*pair.outgoing).goal;
    const unsigned back = crew_.ready(*pair.outgoing);
    // Only ready workers replace an old one; none is started any more.
    incoming.target = std::min(roll_targets(goal, back, incoming.goal).outgoing, crew_.ready(pair.incoming));
    done = done && back >= goal;
  }
  if (!done && patience_ > now) return Step::under_way;
  drop();
  return Step::dropped;
}

void Rollout::drop() {
  for (const Pair& pair : pairs_) {
    leave(pair.incoming);
    if (pair.outgoing) crew_.pools.at(*pair.outgoing).role = PoolRole::serving;
  }
  crew_.pools.prefer(PoolRole::incoming);
  release_listeners();
}

// An old generation keeps the addresses of those of its pools that still serve, and no others: a client would wait in a
// backlog that nobody accepts from.
void Rollout::release_listeners() {
  std::map<Generation*, std::set<std::string>> serving;
  for (const auto& [id, pool] : crew_.pools) {
    std::set<std::string>& names = serving[pool.generation.get()];
    if (pool.role == PoolRole::serving) names.insert(pool.name);
  }
  for (const auto& [generation, names] : serving) {
    if (generation != crew_.current.get()) generation->listeners->keep_only(names);
  }
}

}  // namespace prefork::master
