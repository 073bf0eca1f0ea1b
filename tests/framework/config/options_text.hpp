#pragma once

#include <fmt/format.h>

#include <string>

#include "framework/config/options.hpp"

namespace prefork::config::testing {

// Each structure is taken apart by name, so that a new member is a compile error here and not a gap.

inline std::string text_of(const ListenSpec& spec) {
  const auto& [address, scheme, host, port, path, fd, backlog, reuseport, nodelay, ipv6only, mode, owner, group, proxy,
               origin] = spec;
  static_cast<void>(origin);
  return fmt::format(
      "{} scheme={} host={} port={} path={} fd={} backlog={} reuseport={} nodelay={} ipv6only={} mode={:o} owner={} "
      "group={} proxy={}",
      address, static_cast<int>(scheme), host, port, path, fd, backlog, reuseport, nodelay, ipv6only, mode, owner,
      group, proxy);
}

inline std::string text_of(const ResourceLimit& limit) {
  const auto& [key, resource, value] = limit;
  return fmt::format("{}({})={}:{}", key, resource, value.rlim_cur, value.rlim_max);
}

inline std::string text_of(const IsolationOptions& isolation) {
  const auto& [groups, chroot, umask, nice, cpus, limits, dumpable, seccomp, read, write] = isolation;
  std::string text =
      fmt::format("groups={} chroot={} umask={:o} nice={} cpus={} dumpable={} seccomp={}",
                  groups ? fmt::format("{}", fmt::join(*groups, ",")) : "(none)", chroot, umask.value_or(07777),
                  nice.value_or(99), fmt::join(cpus, ","), dumpable, static_cast<int>(seccomp));
  for (const auto& limit : limits) text += "\n  " + text_of(limit);
  for (const auto& path : read) text += "\n  read " + path.value;
  for (const auto& path : write) text += "\n  write " + path.value;
  return text;
}

inline std::string text_of(const ScalingOptions& scaling) {
  const auto& [max_workers, spare_workers, max_busyness, idle_worker_timeout] = scaling;
  return fmt::format("most={} spare={} busyness={} idle={}", max_workers, spare_workers, max_busyness,
                     idle_worker_timeout.count());
}

inline std::string text_of(const PoolOptions& pool) {
  const auto& [name, workers, user, group, boot_timeout, worker_timeout, max_connections, max_requests, max_lifetime,
               max_rss, max_rss_hard, scaling, isolation, access, log_rate, origin] = pool;
  static_cast<void>(origin);
  return fmt::format(
      "pool {} workers={} user={} group={} boot={} worker={} connections={} requests={} lifetime={} rss={} {} {} "
      "access={} log-rate={} {}",
      name, workers, user.value_or("(none)"), group.value_or("(none)"), boot_timeout.count(), worker_timeout.count(),
      max_connections, max_requests, max_lifetime.count(), max_rss, max_rss_hard, text_of(scaling),
      static_cast<int>(access), log_rate, text_of(isolation));
}

inline std::string text_of(const ServiceOptions& service) {
  const auto& [name, plugin, pool, listeners, idle_timeout, write_timeout, request_timeout, level, own, origin] =
      service;
  static_cast<void>(origin);
  std::string text =
      fmt::format("service {} plugin={} pool={} idle={} write={} request={} level={}", name, plugin, pool,
                  idle_timeout.count(), write_timeout.count(), request_timeout.count(), level.value_or("(none)"));
  for (const auto& spec : listeners) text += "\n  listen " + text_of(spec);
  for (const auto& [key, value] : own) text += fmt::format("\n  {}={}", key, value.value);
  return text;
}

inline std::string text_of(const MasterOptions& master) {
  const auto& [control, pid_file, log, plugin_path, log_level, shutdown_timeout, prepare_timeout, max_workers, users,
               format, facility, socket] = master;
  return fmt::format(
      "master control={} pid-file={} log={} plugins={} level={} shutdown={} prepare={} workers={} users={}-{} "
      "format={} "
      "facility={} socket={}",
      control, pid_file, log, plugin_path, log_level, shutdown_timeout.count(), prepare_timeout.count(), max_workers,
      users.first, users.last, format, facility, socket);
}

/// @return everything that the options say, without where it comes from: equal texts are equal options
inline std::string text_of(const Options& options) {
  const auto& [folder, master, pools, services, notes, origins] = options;
  static_cast<void>(folder);  // meaningless for options read back from text
  static_cast<void>(notes);
  static_cast<void>(origins);
  std::string text = text_of(master) + '\n';
  for (const auto& pool : pools) text += text_of(pool) + '\n';
  for (const auto& service : services) text += text_of(service) + '\n';
  return text;
}

}  // namespace prefork::config::testing
