#pragma once

#include <vector>

#include "framework/config/option_table.hpp"
#include "framework/config/options.hpp"
#include "ipc/contract/archive.hpp"

// Sends options from one process of the server to another. Options that have a row in the option table are sent as a
// file would write them.
namespace prefork::config {

template <class A>
void fields(A& archive, ipc::Is<Origin> auto& origin) {
  archive(origin.text);
}
template <class A>
void fields(A& archive, ipc::Is<OptionValue> auto& option) {
  archive(option.value, option.origin);
}

// Besides what is written in a file, a listener may have the scheme of the socket that was handed over for it.
constexpr auto last_of(ListenScheme) { return ListenScheme::fd_dgram; }

template <class A>
void fields(A& archive, ipc::Is<ListenSpec> auto& spec) {
  auto& [address, scheme, host, port, path, fd_name, backlog, reuseport, nodelay, ipv6only, mode, owner, group, proxy,
         origin] = spec;
  archive(address, scheme, host, port, path, fd_name, backlog, reuseport, nodelay, ipv6only, mode, owner, group, proxy,
          origin);
}

template <class Section>
void rows(ipc::Encoder& archive, const Section& section) {
  for (const auto& row : rows_of(section)) archive(row.get(section));
}
/// @param section  new: what is set stays set if the archive has nothing for it
/// @throws std::invalid_argument
template <class Section>
void rows(ipc::Decoder& archive, Section& section) {
  for (const auto& row : rows_of(section)) {
    std::vector<OptionValue> values;
    archive(values);
    for (const OptionValue& value : values) row.set(section, value, 1);
  }
}

template <class A>
void fields(A& archive, ipc::Is<MasterOptions> auto& master) {
  rows(archive, master);
}
template <class A>
void fields(A& archive, ipc::Is<PoolOptions> auto& pool) {
  archive(pool.name, pool.origin);
  rows(archive, pool);
}
template <class A>
void fields(A& archive, ipc::Is<ServiceOptions> auto& service) {
  archive(service.name, service.origin, service.own);
  rows(archive, service);
}
template <class A>
void fields(A& archive, ipc::Is<Options> auto& options) {
  auto& [folder, master, pools, services, notes, origins] = options;
  archive(folder, master, pools, services, notes, origins);
}

}  // namespace prefork::config
