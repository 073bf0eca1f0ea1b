#pragma once

#include <chrono>
#include <cstdint>

#include "framework/config/plugin_report.hpp"
#include "framework/master/generation/shared_plan.hpp"
#include "ipc/objects/shared_shape.hpp"

namespace prefork::master {

/// The sizes of a shared object, read from its service's options.
struct SharedSizes {
  ipc::SharedShape shape;  ///< channels: of each of their two queues
  std::chrono::milliseconds hold_limit{0};
  std::uint32_t max_deliveries = 0;
};

/// @throws config::ConfigError, with the place of the faulty option, if the shape is impossible
SharedSizes shared_sizes(const SharingService& service, const SharedSpec& spec);

/// @return the value of the option NAME-SIZE. @throws config::ConfigError: the plugin does not declare it
const std::string& size_text(const SharingService& service, const SharedSpec& spec, const char* size);

}  // namespace prefork::master
