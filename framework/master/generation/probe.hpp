#pragma once

#include "framework/config/options.hpp"

/// What `-t` can find out about this host without changing anything: it binds no port and makes no file.
namespace prefork::master {

/// Checks that the addresses are this host's, and that the folders of unix sockets accept one. Blocks: as long as name
/// resolution takes.
/// @throws config::ConfigError with everything that was found (config::Findings)
void probe_addresses(const config::Options& options);

/// Checks that the caller has the rights to make or write the files that the master will need: logs, access logs, pid
/// file, control socket.
/// @param log_options  for each service the name of its option that names a log file; empty: it has none
/// @throws config::ConfigError with everything that was found
void probe_files(const config::Options& options, const std::vector<std::string>& log_options);

}  // namespace prefork::master
