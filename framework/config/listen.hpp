#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "framework/config/options.hpp"

namespace prefork::config {

/// Reads a `listen` value: `tcp://HOST:PORT`, `udp://HOST:PORT`, `unix:PATH` or `unix-dgram:PATH`, `fd:NAME` or
/// `fd-dgram:NAME`, followed by options separated by white space: `backlog=N` (stream), `nodelay[=FLAG]` (tcp, fd),
/// `reuseport[=FLAG]` (tcp, udp), `ipv6only[=FLAG]` (tcp, udp; not with an IPv4 address), `mode=0660`, `owner=NAME` and
/// `group=NAME` (unix), `proxy-protocol[=FLAG]` (stream).
///
/// HOST is an IPv4 address, an IPv6 address in brackets, a host name, or `*`, which means every IPv4 address and is
/// kept as "*". PORT is 0 to 65535 or a service's name. NAME is the name of a socket that the service manager hands
/// over. Nothing is resolved.
/// @throws std::invalid_argument, one sentence without a place
ListenSpec parse_listen(std::string_view value);

/// Whether clients connect; otherwise they send datagrams.
bool is_stream(ListenScheme scheme) noexcept;

/// @return the value that parse_listen reads back, with only those options that differ from the default
std::string format_listen(const ListenSpec& spec);

/// Refuses an address that one service lists twice. Port 0 is never the same address twice.
/// @throws ConfigError that names both places
void check_own_listeners(const ServiceOptions& service);

/// Says why two services can't share an address, as far as only their plugins know: ", and ..."; empty: they can.
using ObjectToSharing = std::function<std::string(const ServiceOptions& first, const ServiceOptions& second)>;

/// Refuses an address that two services list, unless `object` has no objection, they are in the same pool, and they
/// give it the same options.
/// @throws ConfigError that names both places
void check_shared_listeners(const std::vector<ServiceOptions>& services, const ObjectToSharing& object);

}  // namespace prefork::config
