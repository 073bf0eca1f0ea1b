#pragma once

#include <cstddef>

#include "framework/config/options.hpp"
#include "framework/master/log/log.hpp"

namespace prefork::master {

/// What the configuration says of the server's log.
LogSettings log_settings(const config::MasterOptions& options);
/// The least severity that a service, by its place in the configuration, logs.
LogLevel log_threshold(const config::Options& options, std::size_t service);

}  // namespace prefork::master
