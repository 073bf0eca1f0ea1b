#include "framework/master/workforce/sizing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "framework/config/worker_count.hpp"

namespace prefork::master {

namespace {

constexpr std::chrono::milliseconds kSamplePause{250};

std::uint64_t done_by(const ipc::WorkerSlot& slot) noexcept {
  std::uint64_t done = 0;
  for (const ipc::Counter counter : {ipc::Counter::accepted, ipc::Counter::requests, ipc::Counter::datagrams}) {
    done += slot.counters[static_cast<std::size_t>(counter)].load(std::memory_order_relaxed);
  }
  return done;
}

/// Connections on which something is under way, or may be.
std::uint32_t engaged(const ipc::WorkerSlot& slot) noexcept {
  const std::uint32_t connections = slot.connections.load(std::memory_order_relaxed);
  return connections - std::min(connections, slot.resting.load(std::memory_order_relaxed));
}

bool serves(const ipc::WorkerSlot& slot) noexcept {
  return slot.activity_kind.load(std::memory_order_relaxed) != ipc::ActivityKind::none;
}

/// What is lost if the worker leaves now. A worker that is being replaced anyway leaves before any other.
std::uint64_t burden(const WorkerRecord& worker, const ipc::WorkerSlot& slot) noexcept {
  const std::uint64_t connections = slot.connections.load(std::memory_order_relaxed);
  return worker.recycle.empty() ? 2 * connections + (serves(slot) ? 2 : 1) : 0;
}

/// The most workers that a pool may get without an order.
std::size_t room_for(const Pool& pool) noexcept {
  return follows_load(pool) ? std::max(pool.goal, pool.scaler->rule().most) : pool.goal;
}

}  // namespace

std::size_t Sizing::room_beside(std::size_t pool) const noexcept {
  std::size_t total = 0;
  for (const auto& [id, other] : crew_.pools) {
    const bool counts = other.role == PoolRole::serving || other.role == crew_.pools.at(pool).role;
    total += id != pool && counts ? room_for(other) : 0;
  }
  return total;
}

bool Sizing::set_goal(std::size_t pool, unsigned workers) {
  if (room_beside(pool) + workers > crew_.scoreboard.slots()) return false;
  crew_.pools.at(pool).goal = workers;
  crew_.pools.at(pool).held = true;
  return true;
}

bool Sizing::follow_load(std::size_t id) {
  Pool& pool = crew_.pools.at(id);
  const config::PoolOptions& options = options_of(pool);
  const unsigned goal = pool.scaler ? std::max(pool.goal, options.workers) : options.workers;
  if (room_beside(id) + std::max(goal, config::most_workers(options)) > crew_.scoreboard.slots()) return false;
  pool.goal = goal;
  pool.held = false;
  if (pool.scaler) pool.scaler->keep(goal, Clock::now());
  return true;
}

std::string Sizing::size_text(std::size_t pool) const {
  return config::format_workers(options_of(crew_.pools.at(pool)));
}

void Sizing::empty_all() {
  for (auto& [id, pool] : crew_.pools) {
    pool.goal = 0;
    pool.held = true;
  }
}

std::vector<WorkerRecord*> Sizing::scale(TimePoint now) {
  std::vector<WorkerRecord*> retiring;
  const bool due = !next_sample_ || *next_sample_ <= now;
  // Nobody can tell how busy a time with a gap was.
  const auto resumed = Clock::resumed();
  const bool whole = !next_sample_ || !resumed || *resumed < *next_sample_ - kSamplePause;
  bool sampling = false;
  for (auto& [id, pool] : crew_.pools) {
    if (!follows_load(pool)) continue;
    if (std::exchange(pool.client_waits, false) && pool.goal == 0) wake(pool, now);
    // An empty pool is watched instead. A pool in a rollout keeps its size.
    if (pool.role != PoolRole::serving || pool.goal == 0) continue;
    sampling = true;
    if (due && whole) resize(id, now, retiring);
    if (due && !whole) sample(id);
  }
  if (!sampling) {
    next_sample_.reset();
  } else if (due) {
    next_sample_ = now + kSamplePause;
  }
  return retiring;
}

void Sizing::wake(Pool& pool, TimePoint now) {
  pool.goal = 1;
  pool.scaler->keep(1, now);
  log_.debug("pool " + pool.name + ": a client has come; a worker is started");
}

LoadSample Sizing::sample(std::size_t id) {
  const Pool& pool = crew_.pools.at(id);
  LoadSample sample;
  std::uint64_t connections = 0;
  crew_.workers.for_each([&](WorkerRecord& worker) {
    if (worker.pool != id || worker.state != WorkerState::ready) return;
    const ipc::WorkerSlot& slot = crew_.slot(worker);
    const std::uint64_t now_ns = ipc::monotonic_ns();
    const LoadMeter::Share share = worker.load.look(slot.load.read(now_ns), done_by(slot), now_ns);
    ++sample.ready;
    sample.busy += share.busy;
    sample.in_use = sample.in_use || share.worked || engaged(slot) > 0;
    connections += slot.connections.load(std::memory_order_relaxed);
  });
  if (const std::size_t limit = options_of(pool).max_connections; limit > 0) {
    sample.occupied = static_cast<double>(connections) / static_cast<double>(limit);
  }
  sample.waiting = waiting_clients(*pool.generation->listeners, pool.name);
  return sample;
}

void Sizing::resize(std::size_t id, TimePoint now, std::vector<WorkerRecord*>& retiring) {
  Pool& pool = crew_.pools.at(id);
  const LoadSample load = sample(id);
  const unsigned wanted = pool.scaler->wanted(load, now);
  const unsigned before = pool.goal;
  const unsigned filling = crew_.workers.count_filling(id);
  if (wanted > before) {
    pool.goal = wanted;
  } else if (filling <= before) {           // otherwise one is about to be replaced
    pool.goal = std::max(wanted, filling);  // workers that can't be started need not be started later
    for (WorkerRecord* worker : idle(id)) {
      if (pool.goal == wanted) break;
      retiring.push_back(worker);
      --pool.goal;
    }
  }
  if (pool.goal == before) return;
  log_.info(fmt::format("pool {}: {} -> {} workers: {:.0f} % busy, {} waiting", pool.name, before, pool.goal,
                        100 * pool.scaler->busyness(), load.waiting));
}

// The newest first, as in surplus(). A worker that begins to serve at this moment is not cut off: it drains.
std::vector<WorkerRecord*> Sizing::idle(std::size_t pool) {
  std::vector<WorkerRecord*> found;
  crew_.workers.for_each([&](WorkerRecord& worker) {
    if (worker.pool != pool || worker.state != WorkerState::ready) return;
    const ipc::WorkerSlot& slot = crew_.slot(worker);
    if (serves(slot) || engaged(slot) > 0 || slot.load.read(ipc::monotonic_ns()).busy) return;
    found.push_back(&worker);
  });
  std::ranges::stable_sort(found, std::greater(), &WorkerRecord::index);
  return found;
}

// Of those with equally little to lose, the newest leaves first.
std::vector<WorkerRecord*> Sizing::surplus(std::size_t pool) {
  const unsigned filling = crew_.workers.count_filling(pool);
  const unsigned target = crew_.pools.at(pool).target;
  if (filling <= target) return {};
  struct Candidate {
    std::uint64_t burden;
    WorkerRecord* worker;
  };
  std::vector<Candidate> candidates;
  crew_.workers.for_each([&](WorkerRecord& worker) {
    if (worker.pool != pool || !counts_towards_pool(worker.state)) return;
    candidates.push_back({burden(worker, crew_.slot(worker)), &worker});
  });
  std::ranges::stable_sort(candidates, [](const Candidate& a, const Candidate& b) {
    return a.burden != b.burden ? a.burden < b.burden : a.worker->index > b.worker->index;
  });
  std::vector<WorkerRecord*> going;
  for (unsigned i = 0; i < filling - target; ++i) going.push_back(candidates[i].worker);
  return going;
}

bool Sizing::is_empty(std::size_t id, const Pool& pool) const noexcept {
  const bool has_clients = pool.role == PoolRole::serving || pool.role == PoolRole::outgoing;
  return has_clients && follows_load(pool) && pool.goal == 0 && crew_.workers.count_filling(id) == 0;
}

// The master looks at a pool's sockets only while the pool has no worker that could. Watches end before others begin,
// since pools of two generations share their sockets.
void Sizing::watch_for_clients() {
  for (auto& [id, pool] : crew_.pools) {
    if (is_empty(id, pool)) continue;
    pool.watch.reset();
    pool.client_waits = false;
  }
  for (auto& [id, pool] : crew_.pools) {
    if (!pool.watch && is_empty(id, pool)) watch(pool);
  }
}

void Sizing::watch(Pool& pool) {
  try {
    pool.watch = std::make_unique<ListenerWatch>(reactor_, *pool.generation->listeners, pool.name,
                                                 [&pool] { pool.client_waits = true; });
  } catch (const std::system_error& error) {
    log_.error("pool " + pool.name + ": a worker is started, because its clients can't be waited for: " + error.what());
    pool.goal = pool.target = 1;
    pool.scaler->keep(1, Clock::now());
  }
}

void Sizing::stop_watching() {
  for (auto& [id, pool] : crew_.pools) pool.watch.reset();
}

}  // namespace prefork::master
