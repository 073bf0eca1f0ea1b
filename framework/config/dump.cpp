#include <fmt/format.h>

#include <array>
#include <set>

#include <string_view>
#include <utility>

#include "framework/base/units.hpp"
#include "framework/config/cpu_list.hpp"
#include "framework/config/ini.hpp"
#include "framework/config/isolation.hpp"
#include "framework/config/listen.hpp"
#include "framework/config/load.hpp"
#include "framework/config/resource_limit.hpp"
#include "framework/config/secret.hpp"
#include "framework/config/section.hpp"
#include "framework/config/user_range.hpp"
#include "framework/config/wording.hpp"
#include "framework/config/worker_count.hpp"

namespace prefork::config {

namespace {

class Writer {
 public:
  explicit Writer(const Options& options) : options_(options) {}

  void open(const SectionId& id) {
    if (!out_.empty()) out_ += '\n';
    out_ += label(id) + '\n';
    prefix_ = prefix(id) + '.';
  }

  /// A value of the framework's keys.
  void value(const std::string& key, const std::string& text) {
    const auto origin = options_.origins.find(prefix_ + key);
    line(key, text, origin == options_.origins.end() ? "default" : origin->second.text);
  }

  void line(std::string_view key, std::string_view text, std::string origin) {
    // A file's name can hold anything, and the comment must stay on its line.
    for (char& c : origin) {
      if (c == '\n' || is_forbidden_byte(c)) c = '?';
    }
    out_ += fmt::format("{} = {}  # {}\n", key, ini_quote(text), origin);
  }

  std::string take() { return std::move(out_); }

 private:
  const Options& options_;
  std::string prefix_;
  std::string out_;
};

void write_master(Writer& out, const MasterOptions& master) {
  out.open({SectionKind::master, {}});
  out.value("control", master.control);
  out.value("pid-file", master.pid_file);
  out.value("log", master.log);
  out.value("log-level", master.log_level);
  out.value("log-format", master.log_format);
  out.value("syslog-facility", master.syslog_facility);
  out.value("syslog-socket", master.syslog_socket);
  out.value("plugin-path", master.plugin_path);
  out.value("shutdown-timeout", base::format_duration(master.shutdown_timeout));
  out.value("prepare-timeout", base::format_duration(master.prepare_timeout));
  out.value("max-workers", std::to_string(master.max_workers));
  out.value("auto-users", format_user_range(master.auto_users));
}

void write_isolation(Writer& out, const IsolationOptions& isolation) {
  if (isolation.supplementary_groups) {
    out.value("supplementary-groups", fmt::format("{}", fmt::join(*isolation.supplementary_groups, " ")));
  }
  if (!isolation.chroot.empty()) out.value("chroot", isolation.chroot);
  if (isolation.umask) out.value("umask", base::format_mode(*isolation.umask));
  if (isolation.nice) out.value("nice", std::to_string(*isolation.nice));
  if (!isolation.cpus.empty()) out.value("cpu-affinity", format_cpu_list(isolation.cpus));
  for (const auto& limit : isolation.limits) out.value(limit.key, format_limit(limit));
  out.value("dumpable", base::format_flag(isolation.dumpable));
  out.value("seccomp", std::string(profile_name(isolation.seccomp)));
  for (const auto& path : isolation.landlock_read) out.line("landlock-read", path.value, path.origin.text);
  for (const auto& path : isolation.landlock_write) out.line("landlock-write", path.value, path.origin.text);
}

void write_pool(Writer& out, const PoolOptions& pool) {
  out.open({SectionKind::pool, pool.name});
  out.value("workers", format_workers(pool));
  if (pool.user) out.value("user", *pool.user);
  if (pool.group) out.value("group", *pool.group);
  out.value("boot-timeout", base::format_duration(pool.boot_timeout));
  out.value("worker-timeout", base::format_duration(pool.worker_timeout));
  out.value("max-connections", std::to_string(pool.max_connections));
  out.value("max-requests", std::to_string(pool.max_requests));
  out.value("max-lifetime", base::format_duration(pool.max_lifetime));
  out.value("max-rss", base::format_size(pool.max_rss));
  out.value("max-rss-hard", base::format_size(pool.max_rss_hard));
  out.value("spare-workers", std::to_string(pool.scaling.spare_workers));
  out.value("max-busyness", std::to_string(pool.scaling.max_busyness));
  out.value("idle-worker-timeout", base::format_duration(pool.scaling.idle_worker_timeout));
  constexpr std::array<const char*, 3> accesses{"none", "read", "operate"};
  out.value("master-access", accesses[static_cast<std::size_t>(pool.master_access)]);
  out.value("log-rate", std::to_string(pool.log_rate));
  write_isolation(out, pool.isolation);
}

void write_service(Writer& out, const ServiceOptions& service) {
  out.open({SectionKind::service, service.name});
  out.value("plugin", service.plugin);
  for (const auto& spec : service.listeners) out.line("listen", format_listen(spec), spec.origin.text);
  out.value("pool", service.pool);
  out.value("idle-timeout", base::format_duration(service.idle_timeout));
  out.value("write-timeout", base::format_duration(service.write_timeout));
  out.value("request-timeout", base::format_duration(service.request_timeout));
  if (service.log_level) out.value("log-level", *service.log_level);
}

// What the plugin declares in its own order, given or not; then what is given but unknown, which nobody has
// checked yet.
void write_own(Writer& out, const ServiceOptions& service, const std::vector<OptionSpec>& declared) {
  std::set<std::string> written;
  for (const auto& option : declared) {
    const auto given = service.own.find(option.name);
    if (given != service.own.end()) {
      const std::string& value = given->second.value;
      out.line(option.name, option.type == OptionType::secret ? masked(value) : value, given->second.origin.text);
    } else if (option.default_value) {
      out.line(option.name, *option.default_value, "default");
    }
    written.insert(option.name);
  }
  for (const auto& [key, own] : service.own) {
    if (!written.contains(key)) out.line(key, own.value, own.origin.text);
  }
}

}  // namespace

std::string dump(const Options& options, const DeclaredOptions& declared) {
  Writer out(options);
  write_master(out, options.master);
  for (const auto& pool : options.pools) write_pool(out, pool);
  for (const auto& service : options.services) {
    write_service(out, service);
    const auto found = declared.find(service.name);
    write_own(out, service, found == declared.end() ? std::vector<OptionSpec>{} : found->second);
  }
  return out.take();
}

}  // namespace prefork::config
