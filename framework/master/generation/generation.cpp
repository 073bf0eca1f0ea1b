#include "framework/master/generation/generation.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "framework/config/config_error.hpp"
#include "framework/config/errand.hpp"
#include "framework/config/findings.hpp"
#include "framework/config/listen.hpp"
#include "framework/config/schema.hpp"
#include "framework/config/secret.hpp"
#include "framework/config/service_options.hpp"
#include "framework/config/worker_count.hpp"
#include "framework/master/generation/auto_users.hpp"
#include "framework/master/generation/time_checks.hpp"
#include "framework/master/loop/startup_error.hpp"
#include "ipc/memory/shared_memory.hpp"
#include "ipc/posix/syscall.hpp"

namespace prefork::master {

namespace {

// A worker's own descriptors, besides the bells: what worker.cpp reserves.
constexpr rlim_t kOwnDescriptors = 64;
constexpr std::size_t kMaxPluginBytes = 256U << 20;

std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> folders;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t end = std::min(path.find(':', from), path.size());
    if (end > from) folders.push_back(path.substr(from, end - from));
    from = end + 1;
  }
  return folders;
}

int exit_code_of(const std::system_error& error) {
  if (error.code() == std::errc::permission_denied || error.code() == std::errc::operation_not_permitted)
    return EX_NOPERM;
  if (error.code() == std::errc::no_such_file_or_directory) return EX_NOINPUT;
  const bool no_file = error.code() == std::errc::is_a_directory || error.code() == std::errc::invalid_argument;
  return no_file ? EX_CONFIG : EX_OSERR;
}

std::string subject_of(const std::string& plugin) { return "plugin \"" + plugin + "\""; }

/// @param identity  the rights that the plugin has meanwhile; nullopt: those of nobody, if the master has rights to
/// give up
Inspector inspector_of_plugins(const std::optional<ipc::Identity>& identity = {}) {
  Inspector::Limits limits;
  limits.max_bytes = config::kMaxReportBytes;
  limits.run_as = identity ? identity : ipc::resolve_identity(std::nullopt, std::nullopt);
  return Inspector(std::move(limits));
}

bool needs_checks(const config::ServiceOptions& service, const std::vector<OptionSpec>& declared) {
  return std::any_of(declared.begin(), declared.end(),
                     [&](const OptionSpec& option) { return option.checked && service.own.contains(option.name); });
}

/// The plugin's checks are plugin code: their verdict comes from a child, which has the service's rights.
void ask_plugin(const Generation& generation, const config::ServiceOptions& service, const SealedPlugin& plugin,
                const InspectPlugin& inspect, config::Findings& found) {
  if (!needs_checks(service, plugin.report.options)) return;
  config::begin_errand("asking " + subject_of(service.plugin) + " about [service " + service.name + "]");
  const auto identity = generation.identities.find(service.pool);
  if (identity == generation.identities.end()) return;  // reported as an error already
  const config::ServiceOptions judged = config::without_secrets(service, plugin.report.options);
  const Inspection inspection{plugin.copy.get(), service.plugin, &judged, true};
  const std::string answer =
      inspector_of_plugins(identity->second).run(subject_of(service.plugin), [&](const Inspector::Child& child) {
        return inspect(inspection, child);
      });
  config::read_judgement(answer, found);
}

std::size_t index_of(Generation& generation, std::shared_ptr<const SealedPlugin> plugin) {
  auto& plugins = generation.plugins;
  const auto known = std::find(plugins.begin(), plugins.end(), plugin);
  const auto index = static_cast<std::size_t>(known - plugins.begin());
  if (known == plugins.end()) plugins.push_back(std::move(plugin));
  return index;
}

config::PluginReport report_from(const std::string& subject, const std::string& answer) {
  try {
    return config::decode_report(answer);
  } catch (const std::runtime_error& error) {
    throw StartupError(EX_CONFIG, subject + " can't be used: " + error.what());
  }
}

/// Plugins by their files: services of the same plugin share one copy, and a plugin that can't be used is reported
/// once.
struct Sealed {
  std::map<std::string, std::shared_ptr<const SealedPlugin>> good;
  std::set<std::string> bad;
};

/// @return null: it was found unusable before
std::shared_ptr<const SealedPlugin> seal_for(const Generation& generation, const config::ServiceOptions& service,
                                             const InspectPlugin& inspect, Sealed& sealed) {
  const std::string path = find_plugin(service.plugin, generation.options.master.plugin_path);
  const auto known = sealed.good.find(path);
  if (known != sealed.good.end()) return known->second;
  if (!sealed.bad.insert(path).second) return nullptr;
  auto plugin =
      std::make_shared<SealedPlugin>(seal_plugin(service.plugin, generation.options.master.plugin_path, inspect));
  sealed.bad.erase(path);
  return sealed.good[path] = std::move(plugin);
}

/// The plugin as it is for this service. What it declares by the service's options, and the files that it seals, are
/// found out with the service's rights.
/// @return null: nobody is there to run it, which was reported
std::shared_ptr<const SealedPlugin> describe_for(const Generation& generation, const config::ServiceOptions& service,
                                                 const std::shared_ptr<const SealedPlugin>& plugin,
                                                 const InspectPlugin& inspect) {
  if (!plugin->report.reads_given && plugin->report.seals.empty()) return plugin;
  const auto identity = generation.identities.find(service.pool);
  if (identity == generation.identities.end()) return nullptr;
  const std::string subject = subject_of(service.plugin);
  auto own = std::make_shared<SealedPlugin>();
  own->path = plugin->path;
  own->copy.reset(ipc::check_syscall(::fcntl(plugin->copy.get(), F_DUPFD_CLOEXEC, 0), "fcntl F_DUPFD"));
  own->report = plugin->report;
  if (plugin->report.reads_given) {
    config::begin_errand("asking " + subject + " what [service " + service.name + "] needs");
    const config::ServiceOptions given = config::without_secrets(service, plugin->report.options);
    const Inspection inspection{plugin->copy.get(), service.plugin, &given};
    const Inspector inspector = inspector_of_plugins(identity->second);
    own->report = report_from(
        subject, inspector.run(subject, [&](const Inspector::Child& child) { return inspect(inspection, child); }));
  }
  config::begin_errand("sealing the files of [service " + service.name + "]");
  own->files = seal_files(subject, own->report.seals, identity->second);
  return own;
}

std::shared_ptr<const SealedPlugin> plugin_of(const Generation& generation, const std::string& service) {
  for (std::size_t i = 0; i < generation.services.size(); ++i) {
    if (generation.options.services[i].name == service) return generation.plugins[generation.services[i].plugin];
  }
  return nullptr;
}

// The values that its workers have: a secret's file may hold another one by now.
std::map<std::string, std::string, std::less<>> options_of(const Generation& generation, const std::string& service) {
  for (std::size_t i = 0; i < generation.services.size(); ++i) {
    if (generation.options.services[i].name == service) return generation.services[i].options;
  }
  return {};
}

void prepare_service(Generation& generation, const config::ServiceOptions& service, const InspectPlugin& inspect,
                     const std::optional<Running>& running, Sealed& sealed, config::Findings& found) {
  if (running && running->only && service.pool != *running->only) {
    if (const auto kept = plugin_of(running->generation, service.name)) {
      generation.services.push_back({index_of(generation, kept), options_of(running->generation, service.name), -1});
      return;
    }
  }
  try {
    auto plugin = seal_for(generation, service, inspect, sealed);
    if (plugin) plugin = describe_for(generation, service, plugin, inspect);
    if (!plugin) return;
    auto checked = config::check_service_options(service, plugin->report.options);
    found.note([&] { config::read_secrets(service, plugin->report.options, checked); });
    generation.services.push_back({index_of(generation, plugin), {checked.begin(), checked.end()}, -1});
    ask_plugin(generation, service, *plugin, inspect, found);
  } catch (const StartupError& error) {
    const auto origin = generation.options.origins.find("service." + service.name + ".plugin");
    const auto& place = origin != generation.options.origins.end() ? origin->second : service.origin;
    throw StartupError(error.exit_code(), place.text + ": " + error.what());
  }
}

// Checks what a service can't do without.
void refuse_mute_pools(const Generation& generation) {
  for (std::size_t i = 0; i < generation.services.size(); ++i) {
    const auto& service = generation.options.services[i];
    const auto pool = std::find_if(generation.options.pools.begin(), generation.options.pools.end(),
                                   [&](const auto& candidate) { return candidate.name == service.pool; });
    const bool asks = generation.plugins[generation.services[i].plugin]->report.asks_master;
    if (!asks || pool->master_access != config::MasterAccess::none) continue;
    throw StartupError(EX_CONFIG, pool->origin.text + ": service \"" + service.name +
                                      "\" asks the master: set master-access = read, or operate, in [pool " +
                                      pool->name + "]");
  }
}

// A connection of a blocking service keeps its worker from all other work.
void refuse_mixed_pools(const Generation& generation) {
  std::map<std::string, const config::ServiceOptions*> blocking, others;
  for (std::size_t i = 0; i < generation.services.size(); ++i) {
    const auto& service = generation.options.services[i];
    const KindTraits& kind = traits_of(generation.plugins[generation.services[i].plugin]->report.kind);
    (kind.blocks ? blocking : others).emplace(service.pool, &service);
  }
  for (const auto& [pool, service] : blocking) {
    const auto other = others.find(pool);
    if (other == others.end()) continue;
    throw StartupError(EX_CONFIG, service->origin.text + ": service \"" + service->name +
                                      "\" blocks its worker and can't share pool \"" + pool + "\" with service \"" +
                                      other->second->name + "\": give it a pool of its own");
  }
}

void refuse_datagrams(const Generation& generation) {
  for (std::size_t i = 0; i < generation.services.size(); ++i) {
    const auto& service = generation.options.services[i];
    if (traits_of(generation.plugins[generation.services[i].plugin]->report.kind).datagrams) continue;
    for (const auto& listener : service.listeners) {
      if (listener.scheme == config::ListenScheme::tcp || listener.scheme == config::ListenScheme::unix_stream ||
          listener.scheme == config::ListenScheme::fd_stream)
        continue;
      throw StartupError(EX_CONFIG, listener.origin.text + ": service \"" + service.name +
                                        "\" takes connections only, not the datagrams of " + listener.address);
    }
  }
}

std::map<std::string, std::optional<uid_t>> auto_users(const config::Options& options, const Generation* running) {
  std::vector<std::string> pools;
  for (const auto& pool : options.pools) {
    if (pool.user == config::kAutoUser) pools.push_back(pool.name);
  }
  std::map<std::string, uid_t> ids;
  for (std::size_t i = 0; running != nullptr && i < running->options.pools.size(); ++i) {
    const config::PoolOptions& pool = running->options.pools[i];
    if (pool.user == config::kAutoUser) ids[pool.name] = running->identities.at(pool.name).uid;
  }
  return choose_auto_users(pools, options.master.auto_users, ids, ipc::is_user);
}

ipc::Identity auto_identity(const config::PoolOptions& pool, const std::optional<uid_t>& uid) {
  if (::geteuid() != 0) throw std::runtime_error("user = auto needs a master that runs as root");
  if (!uid) throw std::runtime_error("user = auto finds no free id in auto-users");
  ipc::Identity identity = ipc::resolve_identity(std::to_string(*uid), pool.group, pool.isolation.supplementary_groups);
  if (!pool.group && !pool.isolation.supplementary_groups) identity.groups.clear();
  identity.user = std::string(config::kAutoUser) + " (" + std::to_string(*uid) + ")";
  return identity;
}

ipc::Identity identity_of(const config::PoolOptions& pool, const std::map<std::string, std::optional<uid_t>>& ids) {
  config::begin_errand("looking up the user of pool \"" + pool.name + "\"");
  try {
    const auto id = ids.find(pool.name);
    return id != ids.end() ? auto_identity(pool, id->second)
                           : ipc::resolve_identity(pool.user, pool.group, pool.isolation.supplementary_groups);
  } catch (const std::system_error& error) {
    throw StartupError(EX_NOPERM, pool.origin.text + ": pool \"" + pool.name + "\": " + error.what());
  } catch (const std::runtime_error& error) {
    throw StartupError(EX_NOUSER, pool.origin.text + ": pool \"" + pool.name + "\": " + error.what());
  }
}

void resolve_identities(Generation& generation, const Generation* running, config::Findings& found) {
  config::begin_errand("looking up user ids");
  const auto ids = auto_users(generation.options, running);
  for (const auto& pool : generation.options.pools) {
    found.note([&] { generation.identities[pool.name] = identity_of(pool, ids); });
  }
}

// Refuses isolation that can't achieve its purpose, or leaves the worker too little to work with.
void refuse_vain_isolation(const Generation& generation, const config::PoolOptions& pool) {
  const auto place = [&](const std::string& key) {
    const auto origin = generation.options.origins.find("pool." + pool.name + "." + key);
    return (origin != generation.options.origins.end() ? origin->second : pool.origin).text + ": " + key +
           " in [pool " + pool.name + "]: ";
  };
  if (!pool.isolation.chroot.empty() && generation.identities.at(pool.name).uid == 0) {
    throw StartupError(EX_CONFIG, place("chroot") + "the pool's user is root, which no chroot can hold");
  }
  // For pipes, epolls and what services open, plus the bells of all slots.
  const rlim_t needed = kOwnDescriptors + scoreboard_slots(generation.options);
  for (const auto& limit : pool.isolation.limits) {
    if (limit.resource != RLIMIT_NOFILE || limit.value.rlim_cur > needed) continue;
    throw StartupError(EX_CONFIG, place("limit-nofile") + std::to_string(limit.value.rlim_cur) +
                                      " descriptors are too few: a worker has " + std::to_string(needed) +
                                      " before its first connection");
  }
}

}  // namespace

std::size_t scoreboard_slots(const config::Options& options) {
  if (options.master.max_workers > 0) return options.master.max_workers;
  std::size_t workers = 0;
  for (const auto& pool : options.pools) workers += config::most_workers(pool);
  return std::clamp<std::size_t>(2 * workers + 16, 64, config::kMaxSlots);
}

std::string find_plugin(const std::string& name, const std::string& plugin_path) {
  if (name.find('/') != std::string::npos) return name;
  for (const auto& folder : split_path(plugin_path)) {
    const std::string path = folder + "/" + name + ".so";
    if (::access(path.c_str(), F_OK) == 0) return path;
  }
  throw StartupError(EX_NOINPUT, subject_of(name) + " is not in the plugin path (" + plugin_path + ")");
}

SealedPlugin seal_plugin(const std::string& name, const std::string& plugin_path, const InspectPlugin& inspect) {
  const std::string subject = subject_of(name);
  config::begin_errand("reading " + subject);
  SealedPlugin plugin;
  plugin.path = find_plugin(name, plugin_path);
  try {
    plugin.copy = ipc::sealed_copy(plugin.path, kMaxPluginBytes);
  } catch (const std::system_error& error) {
    throw StartupError(exit_code_of(error), subject + " can't be read: " + error.what());
  } catch (const std::length_error& error) {
    throw StartupError(EX_CONFIG, subject + " can't be read: " + error.what());
  }
  config::begin_errand("looking into " + subject);
  const Inspection inspection{plugin.copy.get(), name};
  const std::string report =
      inspector_of_plugins().run(subject, [&](const Inspector::Child& child) { return inspect(inspection, child); });
  plugin.report = report_from(subject, report);
  return plugin;
}

Generation prepare_generation(config::Options options, unsigned number, const InspectPlugin& inspect,
                              const std::optional<Running>& running) {
  Generation generation;
  generation.number = number;
  generation.options = std::move(options);
  config::Findings found;
  resolve_identities(generation, running ? &running->generation : nullptr, found);
  Sealed sealed;
  for (const auto& service : generation.options.services) {
    found.note([&] { prepare_service(generation, service, inspect, running, sealed, found); });
  }
  found.throw_if_any();
  found.note([&] { refuse_mixed_pools(generation); });
  found.note([&] { refuse_datagrams(generation); });
  found.note([&] { refuse_contradicting_times(generation); });
  found.note([&] { refuse_mute_pools(generation); });
  for (const auto& pool : generation.options.pools) found.note([&] { refuse_vain_isolation(generation, pool); });
  found.note([&] { generation.shared = plan_shared_objects(generation); });
  found.throw_if_any();
  generation.warnings = found.warnings();
  return generation;
}

const std::string* value_of(const Generation& generation, std::size_t service, OptionRole role) {
  const PreparedService& prepared = generation.services.at(service);
  const OptionSpec* option = config::option_of(generation.plugins[prepared.plugin]->report, role);
  if (option == nullptr) return nullptr;
  const auto found = prepared.options.find(option->name);
  return found == prepared.options.end() ? nullptr : &found->second;
}

SharedPlan plan_shared_objects(const Generation& generation) {
  std::vector<SharingService> services;
  for (std::size_t i = 0; i < generation.services.size(); ++i) {
    const PreparedService& prepared = generation.services[i];
    services.push_back({generation.options.services[i], generation.plugins[prepared.plugin]->report, prepared.options});
  }
  SharedPlan plan = plan_shared(services, generation.options.pools);
  const auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
  const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  check_memory(plan, scoreboard_slots(generation.options), pages * page_bytes);
  return plan;
}

config::Options with_pool_of(const config::Options& running, const config::Options& wanted, const std::string& pool) {
  const auto find = [&](const config::Options& options) {
    return std::find_if(options.pools.begin(), options.pools.end(), [&](const auto& p) { return p.name == pool; });
  };
  const auto source = find(wanted);
  if (source == wanted.pools.end()) throw StartupError(EX_CONFIG, "the configuration has no pool \"" + pool + "\"");
  if (find(running) == running.pools.end()) {
    throw StartupError(EX_CONFIG, "pool \"" + pool + "\" is new: reload all of them");
  }
  config::Options options = running;
  options.notes = wanted.notes;
  options.folder = wanted.folder;
  const auto take_origins = [&](const std::string& section) {  // for messages
    for (const auto& [key, origin] : wanted.origins) {
      if (key.starts_with(section)) options.origins.insert_or_assign(key, origin);
    }
  };
  take_origins("pool." + pool + ".");
  options.pools[static_cast<std::size_t>(find(running) - running.pools.begin())] = *source;
  std::erase_if(options.services, [&](const auto& service) { return service.pool == pool; });
  for (const auto& service : wanted.services) {
    if (service.pool != pool) continue;
    const auto other = std::find_if(options.services.begin(), options.services.end(),
                                    [&](const auto& s) { return s.name == service.name; });
    if (other != options.services.end()) {
      throw StartupError(EX_CONFIG, service.origin.text + ": service \"" + service.name + "\" moves from pool \"" +
                                        other->pool + "\" to \"" + pool + "\": reload all of them");
    }
    options.services.push_back(service);
    take_origins("service." + service.name + ".");
  }
  return options;
}

void refuse_master_changes(const config::Options& running, const config::Options& wanted) {
  const config::MasterOptions& is = running.master;
  const config::MasterOptions& shall = wanted.master;
  const auto refuse = [&](bool changed, const char* key) {
    if (!changed) return;
    const auto origin = wanted.origins.find(std::string("master.") + key);
    const std::string place = origin == wanted.origins.end() ? "" : origin->second.text + ": ";
    throw StartupError(EX_CONFIG, place + key + " can't change while the server runs: restart it");
  };
  refuse(shall.control != is.control, "control");
  refuse(shall.pid_file != is.pid_file, "pid-file");
  refuse(shall.log != is.log, "log");
  refuse(shall.syslog_facility != is.syslog_facility, "syslog-facility");
  refuse(shall.syslog_socket != is.syslog_socket, "syslog-socket");
  refuse(shall.max_workers != is.max_workers, "max-workers");
}

}  // namespace prefork::master
