#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "framework/config/options.hpp"
#include "framework/config/plugin_report.hpp"
#include "framework/master/generation/inspector.hpp"
#include "framework/master/generation/listener_set.hpp"
#include "framework/master/generation/sealed_files.hpp"
#include "framework/master/generation/shared_plan.hpp"
#include "framework/master/generation/shared_set.hpp"
#include "ipc/posix/privileges.hpp"
#include "ipc/posix/unique_fd.hpp"

namespace prefork::master {

/// What an inspector child must find out about a plugin before it is used.
struct Inspection {
  int copy = -1;     ///< the sealed copy
  std::string name;  ///< of the plugin
  /// The service that the plugin is described for; null: none.
  const config::ServiceOptions* service = nullptr;
  /// The answer is the verdict of the plugin's checks on the service's values (config::judge_service_options), else the
  /// plugin's report (config::encode_report).
  bool judges = false;
};

/// Forks a child that calls be_inspector(). Provided by the code that connects master and worker, since the master runs
/// no plugin code.
using InspectPlugin = std::function<pid_t(const Inspection&, const Inspector::Child&)>;

/// One plugin file as the generation holds it. A service whose plugin seals files, or declares what depends on its
/// options, has one of its own, with a descriptor of the same copy.
struct SealedPlugin {
  std::string path;
  ipc::UniqueFd copy;
  config::PluginReport report;
  std::vector<SealedFile> files{};  ///< of the service
};

/// One service, ready to be run.
struct PreparedService {
  std::size_t plugin;                                       ///< index in Generation::plugins
  std::map<std::string, std::string, std::less<>> options;  ///< normalised
  int access_log_fd = -1;                                   ///< of the log writer's pipe; -1: none
};

/// One successful reading of the configuration: everything that its workers run with, unchanging. A worker that is
/// started again a week later gets the same.
struct Generation {
  unsigned number = 1;
  config::Options options;
  std::vector<std::shared_ptr<const SealedPlugin>> plugins;
  std::vector<PreparedService> services;            ///< in the order of Options::services
  SharedPlan shared;                                ///< what is declared
  SharedSet objects;                                ///< in the order of `shared`; the workforce makes them
  std::map<std::string, ipc::Identity> identities;  ///< by pool
  std::vector<std::string> warnings;       ///< a sentence each, with its place; the generation is usable all the same
  std::unique_ptr<ListenerSet> listeners;  ///< bound; null after `prepare` alone
  std::set<std::string> discard;           ///< queues that may be discarded with messages in them
};

/// How many slots the scoreboard has, and with it every shared object: room for each worker and its successor at once,
/// which a reload or a lost worker needs.
std::size_t scoreboard_slots(const config::Options& options);

/// Finds the file of a plugin: a path if the name has a '/', else NAME.so in the plugin path.
/// @throws StartupError (66) that says where it looked
std::string find_plugin(const std::string& name, const std::string& plugin_path);

/// Seals and inspects one plugin. @throws StartupError
SealedPlugin seal_plugin(const std::string& name, const std::string& plugin_path, const InspectPlugin& inspect);

/// The running generation, for a reload.
struct Running {
  const Generation& generation;
  std::optional<std::string> only;  ///< reload only this pool, while the others stay as they are
};

/// Makes a generation without its sockets and shared objects: seals and inspects plugins, checks options and shapes,
/// looks users up. Blocks for as long as that takes: at most the inspector's patience for each plugin, and again for
/// each service whose plugin checks an option that is given, declares what depends on it, or seals files.
/// @param running  pools keep the user ids that they have in it; if a single pool is reloaded, the plugins of services
/// outside that pool are taken over as they are
/// @throws StartupError, config::ConfigError: everything that was found, as config::Findings has it
Generation prepare_generation(config::Options options, unsigned number, const InspectPlugin& inspect,
                              const std::optional<Running>& running = {});

/// @param service  index in Generation::services
/// @return the normalised value of the service's option with that role; nullptr: its plugin has none
const std::string* value_of(const Generation& generation, std::size_t service, OptionRole role);

/// Plans what the services of a generation share, from their options and their plugins' reports. @throws
/// config::ConfigError
SharedPlan plan_shared_objects(const Generation& generation);

/// The options for reloading one pool: `wanted` for the pool and its services, `running` for all others.
/// @throws StartupError: one of them has no such pool, or a service moves into it
config::Options with_pool_of(const config::Options& running, const config::Options& wanted, const std::string& pool);
/// Refuses changes that a running master can't make: to its pid file, control socket, log and number of slots. @throws
/// StartupError that names the change
void refuse_master_changes(const config::Options& running, const config::Options& wanted);

}  // namespace prefork::master
