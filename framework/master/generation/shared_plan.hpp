#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framework/config/options.hpp"
#include "framework/config/plugin_report.hpp"
#include "framework/master/generation/channel_end.hpp"
#include "ipc/objects/shared_shape.hpp"

/// Plans what the services of a generation share: from their declarations and options to objects with a name and a
/// shape. Pure; framework/master/generation/shared_set.hpp makes the objects.
namespace prefork::master {

/// A planned shared object.
struct SharedDeclaration {
  std::string name;  ///< SERVICE.NAME, or NAME for the server's own
  ipc::SharedShape shape;
  std::chrono::milliseconds hold_limit{0};  ///< a longer hold is logged; zero: none is
  std::string place{};                      ///< of the declaring service, for messages
};

/// A shared object as one service knows it.
struct SharedUse {
  std::string name;                  ///< as the service declared it
  std::size_t object = 0;            ///< index in SharedPlan::objects
  std::uint32_t max_deliveries = 0;  ///< queues; zero: no limit
};

struct ChannelUse {
  std::string name;
  ChannelEnd first;
  ChannelEnd second;
  std::size_t to_second = 0;  ///< index in SharedPlan::objects, as is to_first
  std::size_t to_first = 0;
};

struct ServiceShared {
  std::vector<SharedUse> objects;
  std::vector<ChannelUse> channels;
  bool signals = false;
  std::optional<std::size_t> request_times;  ///< HTTP services: the histogram that their workers keep for the master
  std::optional<std::size_t> responses;      ///< HTTP services: the memory of ipc::SharedResponses
};

struct SharedPlan {
  std::vector<SharedDeclaration> objects;
  std::vector<ServiceShared> services;  ///< in the order of Options::services
  std::optional<std::size_t> signals;   ///< the topic that carries signals, if a service asked for them
};

/// A service, as input for the plan.
struct SharingService {
  const config::ServiceOptions& options;
  const config::PluginReport& report;
  const std::map<std::string, std::string, std::less<>>& values;  ///< normalised
};

/// @throws config::ConfigError that begins with the place of the fault: an impossible shape, a channel without two
/// ends, two services that declare one of the server's objects differently
SharedPlan plan_shared(const std::vector<SharingService>& services, const std::vector<config::PoolOptions>& pools);

/// @param slots   of the scoreboard
/// @param memory  of the machine, in bytes
/// @throws config::ConfigError that names the object if one object, or all together, would take more than that
void check_memory(const SharedPlan& plan, std::size_t slots, std::uint64_t memory);

/// The hold limits of a plan's objects, in their order.
std::vector<std::chrono::milliseconds> hold_limits(const SharedPlan& plan);
/// "a queue", "an event"
std::string with_article(std::string_view kind);
/// Everything in which two shapes of a kind can differ: "1024 messages of 256 bytes and 64 dead letters".
std::string full_shape_text(const ipc::SharedShape& shape);
/// "queue web.jobs"
std::string shared_title(const ipc::SharedShape& shape, const std::string& name);

}  // namespace prefork::master
