#include "framework/master/workforce/pool.hpp"

#include <algorithm>

#include "framework/config/worker_count.hpp"
#include "framework/master/log/log_settings.hpp"

namespace prefork::master {

Pool make_pool(const std::shared_ptr<Generation>& generation, std::size_t place) {
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

std::vector<GivenSocket> sockets_of(const Pool& pool) {
  std::vector<GivenSocket> given;
  pool.generation->listeners->for_each_of(pool.name, [&](const BoundListener& listener, const auto& socket) {
    given.push_back({socket, !listener.is_datagram() && socket->name().empty()});
  });
  return given;
}

Pace::Limits recycle_pace(unsigned workers) noexcept {
  constexpr unsigned kAtOnce = 10;
  constexpr std::chrono::seconds kEach{10};
  const auto every = std::min<std::chrono::nanoseconds>(std::chrono::seconds(1), kEach / std::max(workers, 1U));
  return {every, std::max(workers, kAtOnce)};
}

std::optional<Scaler> scaler_of(const config::PoolOptions& options, TimePoint now) {
  if (!config::is_scaled(options)) return std::nullopt;
  const config::ScalingOptions& scaling = options.scaling;
  const ScaleRule rule{options.workers, scaling.max_workers, scaling.spare_workers, scaling.max_busyness / 100.0,
                       scaling.idle_worker_timeout};
  return Scaler(rule, options.workers, now);
}

unsigned first_goal(const Pool& incoming, unsigned before) noexcept {
  if (!incoming.scaler) return incoming.goal;
  const ScaleRule& rule = incoming.scaler->rule();
  // In a pool that may be empty, the canary stays until it has been idle.
  return std::clamp(before, std::max(rule.least, 1U), rule.most);
}

}  // namespace prefork::master
