#include <fmt/format.h>

#include <iterator>

#include "framework/config/ini.hpp"
#include "framework/config/listen.hpp"
#include "framework/config/load.hpp"
#include "framework/config/units.hpp"

namespace prefork::config {

namespace {

class Writer {
 public:
  void section(std::string_view head, const Origin& origin) {
    if (!out_.empty()) out_ += '\n';
    fmt::format_to(std::back_inserter(out_), "# {}\n[{}]\n", origin.text, head);
  }
  void value(std::string_view key, std::string_view text) {
    fmt::format_to(std::back_inserter(out_), "{} = {}\n", key, ini_quote(text));
  }
  void value(std::string_view key, const Origin& origin, std::string_view text) {
    fmt::format_to(std::back_inserter(out_), "{} = {}  # {}\n", key, ini_quote(text), origin.text);
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace

std::string dump(const Options& options) {
  Writer out;
  const MasterOptions& master = options.master;
  out.section("master", {"effective values"});
  out.value("control", master.control);
  out.value("pid-file", master.pid_file);
  out.value("log", master.log);
  out.value("log-level", master.log_level);
  out.value("plugin-path", master.plugin_path);
  out.value("shutdown-timeout", format_duration(master.shutdown_timeout));
  out.value("max-workers", std::to_string(master.max_workers));
  for (const auto& pool : options.pools) {
    out.section("pool " + pool.name, pool.origin);
    out.value("workers", std::to_string(pool.workers));
    if (pool.user) out.value("user", *pool.user);
    if (pool.group) out.value("group", *pool.group);
    out.value("boot-timeout", format_duration(pool.boot_timeout));
    out.value("worker-timeout", format_duration(pool.worker_timeout));
    out.value("max-connections", std::to_string(pool.max_connections));
  }
  for (const auto& service : options.services) {
    out.section("service " + service.name, service.origin);
    out.value("plugin", service.plugin);
    out.value("pool", service.pool);
    for (const auto& listener : service.listeners) out.value("listen", listener.origin, format_listen(listener));
    out.value("idle-timeout", format_duration(service.idle_timeout));
    out.value("write-timeout", format_duration(service.write_timeout));
    for (const auto& [key, option] : service.own) out.value(key, option.origin, option.value);
  }
  return out.take();
}

}  // namespace prefork::config
