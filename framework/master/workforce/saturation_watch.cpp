#include "framework/master/workforce/saturation_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "framework/base/units.hpp"

namespace prefork::master {

namespace {

std::string clients(std::uint64_t count) { return fmt::format("{} client{}", count, count == 1 ? "" : "s"); }

std::string why_full(const Pool& pool, unsigned ready) {
  const std::string workers = ready == 1 ? "its worker takes" : fmt::format("its {} workers take", ready);
  const std::size_t limit = options_of(pool).max_connections;
  const std::string bound = limit > 0 ? fmt::format(" (max-connections = {})", limit) : "";
  return "pool " + pool.name + " is full: " + workers + " no more connections" + bound;
}

}  // namespace

// Workers of both generations serve during a rollout.
FullnessLook SaturationWatch::fullness(const Pool& pool) const {
  FullnessLook seen;
  crew_.workers.for_each([&](const WorkerRecord& worker) {
    if (worker.state != WorkerState::ready || crew_.pool_of(worker).name != pool.name) return;
    ++seen.ready;
    if (crew_.slot(worker).full.load(std::memory_order_relaxed)) ++seen.full;
  });
  seen.waiting = waiting_clients(*pool.generation->listeners, pool.name);
  return seen;
}

void SaturationWatch::look(TimePoint now) {
  next_ = now + Saturation::kPause;
  for (const auto& [id, pool] : crew_.pools) {
    if (crew_.pools.find(pool.name) == id && pool.role != PoolRole::leaving) look_at(pool, now);
  }
  std::erase_if(saturations_, [&](const auto& entry) { return !crew_.pools.find(entry.first); });
}

void SaturationWatch::look_at(const Pool& pool, TimePoint now) {
  const FullnessLook seen = fullness(pool);
  Saturation& saturation = saturations_[pool.name];
  switch (saturation.look(seen, now)) {
    case Saturation::News::none:
      return;
    case Saturation::News::begun:
      return log_.warning(fmt::format("{}; {} waiting", why_full(pool, seen.ready), clients(seen.waiting)));
    case Saturation::News::ended:
      return log_.notice(fmt::format("pool {} has room again, after {}; at most {} waited", pool.name,
                                     base::duration_words(saturation.episode_length()),
                                     clients(saturation.most_waiting())));
  }
}

const Saturation* SaturationWatch::of(const std::string& pool) const noexcept {
  const auto at = saturations_.find(pool);
  return at == saturations_.end() ? nullptr : &at->second;
}

}  // namespace prefork::master
