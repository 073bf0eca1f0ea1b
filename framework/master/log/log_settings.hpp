#pragma once

#include <cstddef>

#include "framework/config/options.hpp"
#include "framework/master/log/log.hpp"

namespace prefork::master {

/// The settings of the server's log, from the configuration.
LogSettings log_settings(const config::MasterOptions& options);
/// The lowest level that a service logs; `service` is its index in the configuration.
LogLevel log_threshold(const config::Options& options, std::size_t service);

}  // namespace prefork::master
