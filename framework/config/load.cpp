#include "framework/config/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "framework/config/config_error.hpp"
#include "framework/config/cpus.hpp"
#include "framework/config/listen.hpp"
#include "framework/config/merge.hpp"
#include "framework/config/schema.hpp"
#include "framework/config/units.hpp"
#include "framework/config/values.hpp"
#include "framework/config/wording.hpp"

namespace prefork::config {

namespace {

using std::chrono::milliseconds;

/// Reads the keys of one section by the schema.
class SectionReader {
 public:
  explicit SectionReader(const MergedSection& section) : section_(section) {}

  const Entry* find(const std::string& key) const {
    const auto at = section_.values.find(key);
    return at == section_.values.end() ? nullptr : &at->second.front();
  }

  /// The normalised value, the default where there is none, nullopt where there is no default.
  std::optional<std::string> value(const std::string& key) const {
    const KeySpec& spec = *find_key(section_.id.kind, key);
    const Entry* entry = find(key);
    if (entry == nullptr) {
      if (spec.required) throw ConfigError(section_.origin.text + ": " + label(section_.id) + " needs a key " + in_quotes(key));
      if (!spec.default_value) return std::nullopt;
      return spec.default_value->empty() ? std::string() : normalise(spec.rule, *spec.default_value);
    }
    if (entry->value.empty() && spec.may_be_empty) return std::string();
    if (entry->value.empty()) throw ConfigError(entry->origin.text + ": key " + in_quotes(key) + " needs a value");
    try {
      return normalise(spec.rule, entry->value);
    } catch (const std::invalid_argument& error) {
      throw ConfigError(entry->origin.text + ": " + key + ": " + error.what());
    }
  }
  std::string text(const std::string& key) const { return value(key).value_or(""); }
  std::int64_t number(const std::string& key) const { return std::stoll(value(key).value_or("0")); }
  milliseconds duration(const std::string& key) const { return milliseconds(number(key)); }

 private:
  const MergedSection& section_;
};

MasterOptions read_master(const MergedSection& section) {
  const SectionReader reader(section);
  MasterOptions master;
  master.control = reader.text("control");
  master.pid_file = reader.text("pid-file");
  master.log = reader.text("log");
  master.log_level = reader.text("log-level");
  master.plugin_path = reader.text("plugin-path");
  master.shutdown_timeout = reader.duration("shutdown-timeout");
  master.max_workers = static_cast<unsigned>(reader.number("max-workers"));
  return master;
}

PoolOptions read_pool(const MergedSection& section) {
  const SectionReader reader(section);
  PoolOptions pool;
  pool.name = section.id.name;
  pool.origin = section.origin;
  const Entry* workers = reader.find("workers");
  const bool automatic = workers == nullptr || workers->value == "auto";
  pool.workers = automatic ? auto_workers() : static_cast<unsigned>(reader.number("workers"));
  pool.user = reader.value("user");
  pool.group = reader.value("group");
  pool.boot_timeout = reader.duration("boot-timeout");
  pool.worker_timeout = reader.duration("worker-timeout");
  pool.max_connections = static_cast<std::size_t>(reader.number("max-connections"));
  return pool;
}

ServiceOptions read_service(const MergedSection& section) {
  const SectionReader reader(section);
  ServiceOptions service;
  service.name = section.id.name;
  service.origin = section.origin;
  service.plugin = reader.text("plugin");
  service.pool = reader.text("pool");
  service.idle_timeout = reader.duration("idle-timeout");
  service.write_timeout = reader.duration("write-timeout");
  reader.text("listen");  // must be there
  for (const auto& [key, entries] : section.values) {
    if (key == "listen") {
      for (const auto& entry : entries) {
        try {
          service.listeners.push_back(parse_listen(entry.value));
        } catch (const std::invalid_argument& error) {
          throw ConfigError(entry.origin.text + ": listen: " + error.what());
        }
        service.listeners.back().origin = entry.origin;
      }
    } else if (find_key(SectionKind::service, key) == nullptr) {
      service.own[key] = {entries.front().value, entries.front().origin};
    }
  }
  check_own_listeners(service);
  return service;
}

// A pool `main` that only services name comes to be by that.
void settle_pools(Options& options) {
  std::vector<std::string> names;
  for (const auto& pool : options.pools) names.push_back(pool.name);
  for (const auto& service : options.services) {
    if (std::find(names.begin(), names.end(), service.pool) != names.end()) continue;
    if (service.pool != "main") {
      throw ConfigError(fmt::format("{}: service {} names pool {}, which is not there{}", service.origin.text,
                                    in_quotes(service.name), in_quotes(service.pool), did_you_mean(service.pool, names)));
    }
    const MergedSection implied{{SectionKind::pool, "main"}, {"implied"}, {}};
    options.pools.push_back(read_pool(implied));
    names.emplace_back("main");
  }
  for (const auto& pool : options.pools) {
    const bool used = std::any_of(options.services.begin(), options.services.end(),
                                  [&](const auto& service) { return service.pool == pool.name; });
    if (!used) throw ConfigError(pool.origin.text + ": pool " + in_quotes(pool.name) + " has no service");
  }
}

void check_room(const Options& options) {
  std::size_t workers = 0;
  for (const auto& pool : options.pools) workers += pool.workers;
  if (options.master.max_workers == 0 || workers <= options.master.max_workers) return;
  throw ConfigError(fmt::format("max-workers = {} has no room for the {} workers of all pools",
                                options.master.max_workers, workers));
}

}  // namespace

Options load(const Sources& sources) {
  Options options;
  MergedSection master{{SectionKind::master, ""}, {"[master]"}, {}};
  for (const auto& section : merge_sources(sources)) {
    switch (section.id.kind) {
      case SectionKind::master: master = section; break;
      case SectionKind::pool: options.pools.push_back(read_pool(section)); break;
      case SectionKind::service: options.services.push_back(read_service(section)); break;
    }
  }
  options.master = read_master(master);
  if (options.services.empty()) {
    throw ConfigError(sources.config_file.value_or("the configuration") + ": there is no [service NAME]");
  }
  settle_pools(options);
  check_room(options);
  return options;
}

}  // namespace prefork::config
