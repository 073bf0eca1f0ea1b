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
#include "framework/config/user_range.hpp"
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
  master.control = in.text("control");
  master.pid_file = in.text("pid-file");
  master.log = in.text("log");
  master.log_level = in.text("log-level");
  master.log_format = in.text("log-format");
  master.syslog_facility = in.text("syslog-facility");
  master.syslog_socket = in.text("syslog-socket");
  master.plugin_path = in.text("plugin-path");
  master.shutdown_timeout = in.duration("shutdown-timeout");
  master.prepare_timeout = in.duration("prepare-timeout");
  master.max_workers = static_cast<unsigned>(in.integer("max-workers"));
  master.auto_users = in.parsed("auto-users", parse_user_range).value();
  if (!master.control.empty() && master.control == master.pid_file) {
    fail(in.origin_of("pid-file"), fmt::format("pid-file and control are the same path {}", in_quotes(master.control)));
  }
  for (const char* key : {"syslog-facility", "syslog-socket"}) {
    if (master.log == "syslog" || in.text(key) == find_key(SectionKind::master, key)->default_value) continue;
    fail(in.origin_of(key), fmt::format("{} has no meaning with log = {}", key, in_quotes(master.log)));
  }
}

void read_workers(const SectionReader& in, unsigned auto_workers, PoolOptions& pool, Options& options) {
  const WorkerCount count =
      in.parsed("workers", [&](const std::string& text) { return parse_workers(text, auto_workers); }).value();
  if (count.by_auto) options.origins["pool." + pool.name + ".workers"].text += " (auto)";
  pool.workers = count.least;
  ScalingOptions& scaling = pool.scaling;
  if (count.most > count.least) scaling.max_workers = count.most;
  scaling.spare_workers = static_cast<unsigned>(in.integer("spare-workers"));
  scaling.max_busyness = static_cast<unsigned>(in.integer("max-busyness"));
  scaling.idle_worker_timeout = in.duration("idle-worker-timeout");
  if (is_scaled(pool) && scaling.spare_workers >= scaling.max_workers) {
    fail(in.origin_of("spare-workers"),
         fmt::format("[pool {}] spare-workers is not less than the most workers, {}", pool.name, scaling.max_workers));
  }
}

void read_pool(const SectionReader& in, unsigned auto_workers, Options& options) {
  PoolOptions pool;
  pool.name = in.section().id.name;
  pool.origin = in.section().origin;
  read_workers(in, auto_workers, pool, options);
  pool.user = in.optional_text("user");
  pool.group = in.optional_text("group");
  pool.boot_timeout = in.duration("boot-timeout");
  pool.worker_timeout = in.duration("worker-timeout");
  pool.max_connections = static_cast<std::size_t>(in.integer("max-connections"));
  pool.max_requests = static_cast<std::uint64_t>(in.integer("max-requests"));
  pool.max_lifetime = in.duration("max-lifetime");
  pool.max_rss = in.size("max-rss");
  pool.max_rss_hard = in.size("max-rss-hard");
  if (pool.max_rss_hard > 0 && pool.max_rss_hard <= pool.max_rss) {
    fail(in.origin_of("max-rss-hard"), fmt::format("[pool {}] max-rss-hard is not more than max-rss", pool.name));
  }
  pool.log_rate = static_cast<unsigned>(in.integer("log-rate"));
  pool.isolation = read_isolation(in);
  const std::string access = in.text("master-access");
  if (access != "none") pool.master_access = access == "read" ? MasterAccess::read : MasterAccess::operate;
  options.pools.push_back(std::move(pool));
}

void read_service(const SectionReader& in, Options& options) {
  in.require_all();
  ServiceOptions service;
  service.name = in.section().id.name;
  service.origin = in.section().origin;
  service.plugin = in.text("plugin");
  service.pool = in.text("pool");
  service.listeners = in.listeners();
  service.idle_timeout = in.duration("idle-timeout");
  service.write_timeout = in.duration("write-timeout");
  service.request_timeout = in.duration("request-timeout");
  service.log_level = in.optional_text("log-level");
  service.own = in.section().own;
  check_own_listeners(service);
  options.services.push_back(std::move(service));
}

bool has_service(const Options& options, const std::string& pool) {
  return std::any_of(options.services.begin(), options.services.end(), [&](const auto& s) { return s.pool == pool; });
}

/// The implied pool is there if a service runs in it, or if someone gave it a value, which must not get lost.
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
         fmt::format("[service {}] is in the pool {}, which is not there{}", service.name, in_quotes(service.pool),
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

/// Where to look for what isn't there: a file that has sections is known by the first of them.
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
