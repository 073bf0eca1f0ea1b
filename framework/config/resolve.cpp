#include "framework/config/resolve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "framework/config/config_error.hpp"
#include "framework/config/isolation.hpp"
#include "framework/config/listen.hpp"
#include "framework/config/schema.hpp"
#include "framework/config/section_reader.hpp"
#include "framework/config/wording.hpp"
#include "framework/config/worker_count.hpp"

namespace prefork::config {

namespace {

[[noreturn]] void fail(const Origin& origin, const std::string& sentence) {
  throw ConfigError(origin.text + ": " + sentence);
}

SectionReader read(const SectionInput& section, Options& options, Findings& found) {
  SectionReader reader(merge(section), found);
  for (const auto& [key, values] : reader.section().values) {
    options.origins[prefix(section.id) + '.' + key] = values.front().origin;
  }
  return reader;
}

void read_master(const SectionReader& in, Options& options) {
  MasterOptions& master = options.master;
  in.fill(master);
  if (!master.control.empty() && master.control == master.pid_file) {
    fail(in.origin_of("pid-file"), fmt::format("pid-file and control are the same path {}", in_quotes(master.control)));
  }
  if (master.log == "syslog") return;
  const auto refuse = [&](const char* key) {
    fail(in.origin_of(key), fmt::format("{} has no meaning with log = {}", key, in_quotes(master.log)));
  };
  const MasterOptions defaults;
  if (master.syslog_facility != defaults.syslog_facility) refuse("syslog-facility");
  if (master.syslog_socket != defaults.syslog_socket) refuse("syslog-socket");
}

void check_pool(const SectionReader& in, const PoolOptions& pool) {
  const ScalingOptions& scaling = pool.scaling;
  if (is_scaled(pool) && scaling.spare_workers >= scaling.max_workers) {
    fail(in.origin_of("spare-workers"),
         fmt::format("[pool {}] spare-workers is not less than the most workers, {}", pool.name, scaling.max_workers));
  }
  if (pool.max_rss_hard > 0 && pool.max_rss_hard <= pool.max_rss) {
    fail(in.origin_of("max-rss-hard"), fmt::format("[pool {}] max-rss-hard is not more than max-rss", pool.name));
  }
  check_isolation(in, pool);
}

void read_pool(const SectionReader& in, unsigned auto_workers, Options& options) {
  PoolOptions pool;
  pool.name = in.section().id.name;
  pool.origin = in.section().origin;
  in.fill(pool, auto_workers);
  if (is_by_auto(in.section().find("workers")->value)) {
    options.origins["pool." + pool.name + ".workers"].text += " (auto)";
  }
  check_pool(in, pool);
  options.pools.push_back(std::move(pool));
}

void read_service(const SectionReader& in, Options& options) {
  in.require_all();
  ServiceOptions service;
  service.name = in.section().id.name;
  service.origin = in.section().origin;
  in.fill(service);
  service.own = in.section().own;
  check_own_listeners(service);
  options.services.push_back(std::move(service));
}

bool has_service(const Options& options, const std::string& pool) {
  return std::any_of(options.services.begin(), options.services.end(), [&](const auto& s) { return s.pool == pool; });
}

/// The implied pool exists if a service runs in it, or if somebody gave it a value, which must not get lost.
bool is_wanted(const SectionInput& section, const Options& options) {
  return !section.implied || section.id.kind != SectionKind::pool || !section.command_line.empty() ||
         !section.environment.empty() || has_service(options, section.id.name);
}

void check_pools(const Options& options) {
  std::vector<std::string> names;
  for (const auto& pool : options.pools) names.push_back(pool.name);
  for (const auto& service : options.services) {
    if (std::find(names.begin(), names.end(), service.pool) != names.end()) continue;
    std::vector<std::string> candidates = names;
    candidates.emplace_back("main");
    fail(options.origins.at("service." + service.name + ".pool"),
         fmt::format("[service {}] is in the pool {}, which does not exist{}", service.name, in_quotes(service.pool),
                     did_you_mean(service.pool, candidates)));
  }
  for (const auto& pool : options.pools) {
    if (!has_service(options, pool.name)) {
      fail(pool.origin, fmt::format("[pool {}] has no service; its workers would have nothing to do", pool.name));
    }
  }
}

void check_room(const Options& options) {
  std::size_t workers = 0;
  for (const auto& pool : options.pools) {
    workers += most_workers(pool);
    if (workers > kMaxSlots) fail(pool.origin, fmt::format("the pools have more than {} workers together", kMaxSlots));
  }
  if (options.master.max_workers == 0 || workers <= options.master.max_workers) return;
  fail(options.origins.at("master.max-workers"),
       fmt::format("max-workers is {}, but the pools have {} workers", options.master.max_workers, workers));
}

/// Where to look for what is missing: a file with sections is identified by the first of them.
std::string source_name(std::span<const SectionInput> sections) {
  if (sections.empty() || sections.front().implied) return "the configuration";
  const std::string& origin = sections.front().origin.text;
  return origin.substr(0, origin.rfind(':'));
}

}  // namespace

Options resolve(std::span<const SectionInput> sections, unsigned auto_workers) {
  Findings found;
  Options options = resolve(sections, auto_workers, found);
  found.throw_if_any();
  return options;
}

Options resolve(std::span<const SectionInput> sections, unsigned auto_workers, Findings& found) {
  Options options;
  bool has_service = false;
  for (const auto& section : sections) {
    if (section.id.kind != SectionKind::service) continue;
    has_service = true;
    found.note([&] { read_service(read(section, options, found), options); });
  }
  if (!has_service) {
    found.add(ConfigError(source_name(sections) + ": there is no service; add a section [service NAME]"));
    return options;
  }
  for (const auto& section : sections) {
    if (section.id.kind == SectionKind::service || !is_wanted(section, options)) continue;
    found.note([&] {
      const SectionReader reader = read(section, options, found);
      if (section.id.kind == SectionKind::master) {
        read_master(reader, options);
      } else {
        read_pool(reader, auto_workers, options);
      }
    });
  }
  // A section that is not understood would make others look wrong.
  if (!found.empty()) return options;
  found.note([&] { check_pools(options); });
  found.note([&] { check_room(options); });
  return options;
}

}  // namespace prefork::config
