#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "framework/config/worker_count.hpp"
#include "framework/master/workforce/workforce.hpp"

// How the workforce lets pools of MIN..MAX follow their load. Pools of a fixed size cost nothing here: no timer, no
// sample.
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

}  // namespace

std::size_t Workforce::room_for(const Pool& pool) noexcept {
  return follows_load(pool) ? std::max(pool.goal, pool.scaler->rule().most) : pool.goal;
}

bool Workforce::follow_load(std::size_t id) {
  Pool& pool = crew_.pools.at(id);
  const config::PoolOptions& options = pool.generation->options.pools[pool.place];
  const unsigned goal = pool.scaler ? std::max(pool.goal, options.workers) : options.workers;
  if (room_beside(id) + std::max(goal, config::most_workers(options)) > crew_.scoreboard.slots()) return false;
  pool.goal = goal;
  pool.held = false;
  if (pool.scaler) pool.scaler->keep(goal, Clock::now());
  return true;
}

std::string Workforce::size_text(std::size_t pool) const {
  const Pool& of = crew_.pools.at(pool);
  return config::format_workers(of.generation->options.pools[of.place]);
}

void Workforce::scale_pools(TimePoint now) {
  const bool due = !next_sample_ || *next_sample_ <= now;
  // Of a time with a gap it can't be told how busy it was.
  const auto resumed = Clock::resumed();
  const bool whole = !next_sample_ || !resumed || *resumed < *next_sample_ - kSamplePause;
  bool sampling = false;
  for (auto& [id, pool] : crew_.pools) {
    if (!follows_load(pool)) continue;
    if (std::exchange(pool.client_waits, false) && pool.goal == 0) {
      pool.goal = 1;
      pool.scaler->keep(1, now);
      log_.debug("pool " + pool.name + ": a client has come, a worker is started");
    }
    // An empty pool is watched instead. One that is rolled keeps its size.
    if (pool.role != Pool::Role::serving || pool.goal == 0) continue;
    sampling = true;
    if (due && whole) resize(id, now);
    if (due && !whole) sample(id);
  }
  if (!sampling) {
    next_sample_.reset();
  } else if (due) {
    next_sample_ = now + kSamplePause;
  }
}

LoadSample Workforce::sample(std::size_t id) {
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
  if (const std::size_t limit = pool.generation->options.pools[pool.place].max_connections; limit > 0) {
    sample.occupied = static_cast<double>(connections) / static_cast<double>(limit);
  }
  sample.waiting = waiting_clients(*pool.generation->listeners, pool.name);
  return sample;
}

void Workforce::resize(std::size_t id, TimePoint now) {
  Pool& pool = crew_.pools.at(id);
  const LoadSample load = sample(id);
  const unsigned wanted = pool.scaler->wanted(load, now);
  const unsigned before = pool.goal;
  const unsigned filling = crew_.workers.count_filling(id);
  if (wanted > before) {
    pool.goal = wanted;
  } else if (filling <= before) {           // else one is about to be replaced
    pool.goal = std::max(wanted, filling);  // what can't be started need not be any more
    while (pool.goal > wanted && retire_idle(id)) --pool.goal;
  }
  if (pool.goal == before) return;
  log_.info(fmt::format("pool {}: {} -> {} workers: {:.0f} % busy, {} waiting", pool.name, before, pool.goal,
                        100 * pool.scaler->busyness(), load.waiting));
}

// The last that came, as shrink() has it. One that begins to serve in this moment is not cut short: it drains.
bool Workforce::retire_idle(std::size_t pool) {
  WorkerRecord* choice = nullptr;
  crew_.workers.for_each([&](WorkerRecord& worker) {
    if (worker.pool != pool || worker.state != WorkerState::ready) return;
    const ipc::WorkerSlot& slot = crew_.slot(worker);
    const bool serves = slot.activity_kind.load(std::memory_order_relaxed) != ipc::ActivityKind::none;
    if (serves || engaged(slot) > 0 || slot.load.read(ipc::monotonic_ns()).busy) return;
    if (choice == nullptr || worker.index > choice->index) choice = &worker;
  });
  if (choice != nullptr) apply(*choice, WorkerEvent::retire_wanted);
  return choice != nullptr;
}

// The master looks at the sockets of a pool only while it has no worker that could. Watches end before others begin,
// since pools of two generations share their sockets.
void Workforce::watch_for_clients() {
  const auto is_empty = [&](const auto& entry) {
    const Pool& pool = entry.second;
    const bool has_clients = pool.role == Pool::Role::serving || pool.role == Pool::Role::outgoing;
    return has_clients && follows_load(pool) && pool.goal == 0 && crew_.workers.count_filling(entry.first) == 0;
  };
  for (auto& entry : crew_.pools) {
    if (is_empty(entry)) continue;
    entry.second.watch.reset();
    entry.second.client_waits = false;
  }
  for (auto& entry : crew_.pools) {
    Pool& pool = entry.second;
    if (pool.watch || !is_empty(entry)) continue;
    try {
      pool.watch = std::make_unique<ListenerWatch>(reactor_, *pool.generation->listeners, pool.name,
                                                   [&pool] { pool.client_waits = true; });
    } catch (const std::system_error& error) {
      log_.error("pool " + pool.name + ": a worker is started, since its clients can't be waited for: " + error.what());
      pool.goal = pool.target = 1;
      pool.scaler->keep(1, Clock::now());
    }
  }
}

}  // namespace prefork::master
