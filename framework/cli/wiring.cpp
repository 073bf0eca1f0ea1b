#include "framework/cli/wiring.hpp"

#include <exception>
#include <map>
#include <utility>

#include "framework/cli/sharing.hpp"
#include "framework/config/worker_count.hpp"
#include "framework/master/log/log_settings.hpp"
#include "framework/worker/plugin/plugin_loader.hpp"
#include "framework/worker/worker.hpp"

namespace prefork::cli {

config::PluginReport inspect_plugin(int fd, const std::string& name, const config::ServiceOptions& service) {
  const PluginDescriptor& descriptor = worker::load_plugin(fd, name);
  Given::Options given;
  for (const auto& [key, option] : service.own) given.emplace(key, option.value);
  Manifest manifest;
  try {
    descriptor.describe(manifest, Given(std::move(given)));
  } catch (const std::exception& error) {
    throw worker::PluginError("plugin \"" + name + "\" can't be used: its describe() fails: " + error.what());
  }
  return config::report_of(manifest, descriptor.kind, descriptor.class_name, descriptor.reads_given);
}

namespace {

// Nobody sleeps on the framework's own metrics.
bool wakes_others(const master::ServiceShared& declared) {
  return !declared.objects.empty() || !declared.channels.empty() || declared.signals;
}

}  // namespace

worker::Isolation isolation_of(const master::Generation& generation, const config::PoolOptions& pool) {
  const config::IsolationOptions& options = pool.isolation;
  worker::Isolation isolation;
  isolation.cpus = options.cpus;
  isolation.nice = options.nice;
  for (const auto& limit : options.limits) isolation.limits.push_back({limit.key, limit.resource, limit.value});
  isolation.umask = options.umask;
  isolation.chroot = options.chroot;
  for (const auto& path : options.landlock_read) isolation.paths.readable.push_back(path.value);
  for (const auto& path : options.landlock_write) isolation.paths.writable.push_back(path.value);
  isolation.run_as = generation.identities.at(pool.name);
  isolation.dumpable = options.dumpable;
  isolation.seccomp = options.seccomp;
  return isolation;
}

worker::WorkerSetup worker_setup(const master::SpawnOrder& order) {
  const master::Generation& generation = *order.pool.generation;
  const config::PoolOptions& pool = generation.options.pools[order.pool.place];
  worker::WorkerSetup setup;
  setup.identity = {pool.name, order.index, generation.number};
  setup.master = order.master;
  setup.slots = order.scoreboard.slots();
  setup.slot_fd = order.scoreboard.fd(order.slot);
  setup.seats_fd = order.pool.seats->fd();
  setup.slot = order.slot;
  setup.control_fd = order.control_fd;
  setup.status_fd = order.status_fd;
  setup.output_fd = order.output_fd;
  setup.line_fd = order.line_fd;
  setup.bell_fd = order.wakeups.wait_fd(order.slot);
  setup.folder = generation.options.folder;
  setup.isolation = isolation_of(generation, pool);
  setup.max_connections = pool.max_connections;
  const auto spread = [&](std::uint64_t limit) {
    const std::uint64_t tenth = limit / 10;
    return limit + static_cast<std::uint64_t>(order.jitter * static_cast<double>(tenth));
  };
  setup.recycle = {spread(pool.max_requests), spread(static_cast<std::uint64_t>(pool.max_lifetime.count())),
                   pool.max_rss};
  setup.tells_load = config::is_scaled(pool);
  bool may_wake = false;
  std::map<std::size_t, std::uint8_t> place;  // index of a service of the configuration among the pool's services
  for (std::size_t i = 0; i < generation.services.size(); ++i) {
    const config::ServiceOptions& service = generation.options.services[i];
    if (service.pool != pool.name) continue;
    place[i] = static_cast<std::uint8_t>(setup.services.size());
    const master::PreparedService& prepared = generation.services[i];
    setup.services.push_back({service.name,
                              service.plugin,
                              generation.plugins[prepared.plugin]->copy.get(),
                              prepared.options,
                              {service.idle_timeout, service.write_timeout, service.request_timeout},
                              prepared.access_log_fd,
                              master::log_threshold(generation.options, i)});
    for (const master::SealedFile& file : generation.plugins[prepared.plugin]->files) {
      setup.services.back().sealed.push_back({file.name, file.copy.get()});
    }
    share(generation.shared, generation.objects.objects(), i, setup.services.back());
    may_wake = may_wake || wakes_others(generation.shared.services.at(i));
  }
  if (may_wake) {
    for (std::size_t i = 0; i < order.wakeups.slots(); ++i) setup.ring_fds.push_back(order.wakeups[i].ring_fd());
  }
  for (const auto& listener : generation.listeners->listeners()) {
    for (const auto& socket : listener.sockets) setup.own_addresses.add(socket->get());
  }
  generation.listeners->for_each_of(pool.name, [&](const auto& listener, const auto& socket) {
    std::vector<std::uint8_t> services;
    for (const auto service : listener.services) services.push_back(place.at(service));
    setup.listeners.push_back(
        {socket->get(), listener.is_datagram(), listener.address, listener.spec.proxy_protocol, services});
  });
  return setup;
}

}  // namespace prefork::cli
