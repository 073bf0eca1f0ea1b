#include "framework/cli/wiring.hpp"

#include <map>
#include <utility>

#include "framework/worker/plugin_loader.hpp"
#include "framework/worker/worker.hpp"

namespace prefork::cli {

config::PluginReport inspect_plugin(int fd, const std::string& name) {
  const PluginDescriptor& descriptor = worker::load_plugin(fd, name);
  Manifest manifest;
  try {
    descriptor.describe(manifest);
  } catch (const std::exception& error) {
    throw worker::PluginError("plugin \"" + name + "\" can't be used: its describe() fails: " + error.what());
  }
  return {descriptor.kind,    descriptor.class_name, manifest.summary(),
          manifest.options(), manifest.shared(),     manifest.wants_signals()};
}

namespace {

worker::ChannelSetup::End end_of(const master::ChannelEnd& end) { return {end.pool, end.index}; }

// The objects live as long as the master, and the worker's copy of it as long as the worker.
void share(const master::ServiceShared& declared, const master::SpawnOrder& order, worker::ServiceSetup& service) {
  const master::SharedSet::Objects& objects = order.pool.generation->objects.objects();
  for (const master::SharedUse& use : declared.objects) {
    service.shared.push_back({use.name, objects.at(use.object).get(), use.max_deliveries});
  }
  for (const master::ChannelUse& use : declared.channels) {
    service.channels.push_back({use.name, end_of(use.first), end_of(use.second), objects.at(use.to_second).get(),
                                objects.at(use.to_first).get()});
  }
  if (declared.signals) service.signals = objects.at(order.pool.generation->shared.signals.value()).get();
}

}  // namespace

void become_worker(const master::SpawnOrder& order) {
  const master::Generation& generation = *order.pool.generation;
  const config::PoolOptions& pool = generation.options.pools[order.pool.place];
  worker::WorkerSetup setup;
  setup.identity = {pool.name, order.index, generation.number};
  setup.master = order.master;
  setup.scoreboard = &order.scoreboard;
  setup.slot = order.slot;
  setup.control_fd = order.control_fd;
  setup.status_fd = order.status_fd;
  for (const auto& wakeup : order.wakeups) setup.wakeup_fds.push_back(wakeup.fd());
  setup.run_as = generation.identities.at(pool.name);
  setup.max_connections = pool.max_connections;
  const auto spread = [&](std::uint64_t limit) {
    return limit + static_cast<std::uint64_t>(order.jitter * static_cast<double>(limit / 10));
  };
  setup.recycle = {spread(pool.max_requests), spread(static_cast<std::uint64_t>(pool.max_lifetime.count())),
                   pool.max_rss};
  std::map<std::size_t, std::uint8_t> place;  // of a service of the configuration among the pool's
  for (std::size_t i = 0; i < generation.services.size(); ++i) {
    const config::ServiceOptions& service = generation.options.services[i];
    if (service.pool != pool.name) continue;
    place[i] = static_cast<std::uint8_t>(setup.services.size());
    const master::PreparedService& prepared = generation.services[i];
    setup.services.push_back({service.name,
                              service.plugin,
                              generation.plugins[prepared.plugin]->copy.get(),
                              prepared.options,
                              {service.idle_timeout, service.write_timeout},
                              prepared.access_log_fd});
    share(generation.shared.services.at(i), order, setup.services.back());
  }
  for (const auto& listener : generation.listeners->listeners()) {
    if (listener.pool != pool.name) continue;
    std::vector<std::uint8_t> services;
    for (const auto service : listener.services) services.push_back(place.at(service));
    const bool datagram =
        listener.spec.scheme == config::ListenScheme::udp || listener.spec.scheme == config::ListenScheme::unix_dgram;
    for (const auto& socket : listener.sockets) {
      setup.listeners.push_back({socket->get(), datagram, listener.address, listener.spec.proxy_protocol, services});
    }
  }
  worker::run_worker(std::move(setup));
}

}  // namespace prefork::cli
