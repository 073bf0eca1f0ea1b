#pragma once

#include "framework/config/options.hpp"
#include "ipc/contract/archive.hpp"

// Sends options from one process of the server to another. Each structure is taken apart by name, so that a new member
// is a compile error here and no value gets lost.
namespace prefork::config {

constexpr auto last_of(ListenScheme) { return ListenScheme::fd_dgram; }
constexpr auto last_of(SeccompProfile) { return SeccompProfile::strict; }
constexpr auto last_of(MasterAccess) { return MasterAccess::operate; }

template <class A>
void fields(A& archive, ipc::Is<Origin> auto& origin) {
  auto& [text] = origin;
  archive(text);
}
template <class A>
void fields(A& archive, ipc::Is<OptionValue> auto& option) {
  auto& [value, origin] = option;
  archive(value, origin);
}
template <class A>
void fields(A& archive, ipc::Is<ListenSpec> auto& spec) {
  auto& [address, scheme, host, port, path, fd_name, backlog, reuseport, nodelay, ipv6only, mode, owner, group, proxy,
         origin] = spec;
  archive(address, scheme, host, port, path, fd_name, backlog, reuseport, nodelay, ipv6only, mode, owner, group, proxy,
          origin);
}
template <class A>
void fields(A& archive, ipc::Is<ResourceLimit> auto& limit) {
  auto& [key, resource, value] = limit;
  archive(key, resource, value.rlim_cur, value.rlim_max);
}
template <class A>
void fields(A& archive, ipc::Is<IsolationOptions> auto& isolation) {
  auto& [groups, chroot, umask, nice, cpus, limits, dumpable, seccomp, read, write] = isolation;
  archive(groups, chroot, umask, nice, cpus, limits, dumpable, seccomp, read, write);
}
template <class A>
void fields(A& archive, ipc::Is<ScalingOptions> auto& scaling) {
  auto& [most, spare, busyness, idle] = scaling;
  archive(most, spare, busyness, idle);
}
template <class A>
void fields(A& archive, ipc::Is<UserRange> auto& range) {
  auto& [first, last] = range;
  archive(first, last);
}
template <class A>
void fields(A& archive, ipc::Is<PoolOptions> auto& pool) {
  auto& [name, workers, user, group, boot, worker, connections, requests, lifetime, rss, rss_hard, scaling, isolation,
         access, log_rate, origin] = pool;
  archive(name, workers, user, group, boot, worker, connections, requests, lifetime, rss, rss_hard, scaling, isolation,
          access, log_rate, origin);
}
template <class A>
void fields(A& archive, ipc::Is<ServiceOptions> auto& service) {
  auto& [name, plugin, pool, listeners, idle, write, request, log_level, own, origin] = service;
  archive(name, plugin, pool, listeners, idle, write, request, log_level, own, origin);
}
template <class A>
void fields(A& archive, ipc::Is<MasterOptions> auto& master) {
  auto& [control, pid_file, log, plugin_path, level, shutdown, prepare, max_workers, users, format, facility, socket] =
      master;
  archive(control, pid_file, log, plugin_path, level, shutdown, prepare, max_workers, users, format, facility, socket);
}
template <class A>
void fields(A& archive, ipc::Is<Options> auto& options) {
  auto& [folder, master, pools, services, notes, origins] = options;
  archive(folder, master, pools, services, notes, origins);
}

}  // namespace prefork::config
