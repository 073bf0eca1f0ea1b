#pragma once

#include "framework/config/options.hpp"

/// What `-t` can know of this host without taking anything: no port is bound, no file is made.
namespace prefork::master {

/// Whether the addresses are this host's, and the folders of unix sockets take one. Blocks: as long as names are
/// resolved.
/// @throws config::ConfigError with all that was found (config::Findings)
void probe_addresses(const config::Options& options);

/// Whether the files that the master is to make can be made or written: logs, access logs, pid file, control socket. By
/// the rights of the caller. @throws config::ConfigError with all that was found
void probe_files(const config::Options& options);

}  // namespace prefork::master
