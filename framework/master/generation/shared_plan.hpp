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

/// What the services of a generation share: from their declarations and options to objects with a name and a
/// shape. Pure; framework/master/generation/shared_set.hpp makes them.
namespace prefork::master {

/// A shared object that there shall be.
struct SharedDeclaration {
  std::string name;  ///< SERVICE.NAME, or NAME of those that are the server's
  ipc::SharedShape shape;
  std::chrono::milliseconds hold_limit{0};  ///< what is held longer is logged; zero: nothing
  std::string place{};                      ///< of the service that declares it, for messages
};

/// A shared object as one service knows it.
struct SharedUse {
  std::string name;                  ///< as the service declared it
  std::size_t object = 0;            ///< in SharedPlan::objects
  std::uint32_t max_deliveries = 0;  ///< of queues; zero: no limit
};

struct ChannelUse {
  std::string name;
  ChannelEnd first;
  ChannelEnd second;
  std::size_t to_second = 0;  ///< in SharedPlan::objects, as is to_first
  std::size_t to_first = 0;
};

struct ServiceShared {
  std::vector<SharedUse> objects;
  std::vector<ChannelUse> channels;
  bool signals = false;
  std::optional<std::size_t> request_times;  ///< of HTTP services: the histogram that their workers keep for the master
  std::optional<std::size_t> responses;      ///< likewise: the memory of ipc::SharedResponses
};

struct SharedPlan {
  std::vector<SharedDeclaration> objects;
  std::vector<ServiceShared> services;  ///< as Options::services
  std::optional<std::size_t> signals;   ///< the topic that carries signals, where a service asked for them
};

/// A service as the plan is made from it.
struct SharingService {
  const config::ServiceOptions& options;
  const config::PluginReport& report;
  const std::map<std::string, std::string, std::less<>>& values;  ///< normalised
};

/// @throws config::ConfigError that starts with the place where the fault was written: a shape that can't be, a
/// channel without two ends, two services that declare one object of the server's differently.
SharedPlan plan_shared(const std::vector<SharingService>& services, const std::vector<config::PoolOptions>& pools);

/// @param slots   of the scoreboard
/// @param memory  of the machine, in bytes
/// @throws config::ConfigError that names the object where one, or all together, would take more than that
void check_memory(const SharedPlan& plan, std::size_t slots, std::uint64_t memory);

/// The hold limits of a plan's objects, in their order.
std::vector<std::chrono::milliseconds> hold_limits(const SharedPlan& plan);
/// "a queue", "an event"
std::string with_article(std::string_view kind);
/// All that two shapes of a kind can differ in: "1024 messages of 256 bytes and 64 dead letters".
std::string full_shape_text(const ipc::SharedShape& shape);
/// "queue web.jobs"
std::string shared_title(const ipc::SharedShape& shape, const std::string& name);

}  // namespace prefork::master
