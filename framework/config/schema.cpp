#include "framework/config/schema.hpp"

#include <fmt/format.h>

#include "framework/config/resource_limit.hpp"
#include "framework/config/wording.hpp"
#include "framework/config/worker_count.hpp"

namespace prefork::config {

namespace {

constexpr std::int64_t kDayMs = 86'400'000;

ValueRule text() { return {}; }
ValueRule integer(std::int64_t minimum, std::int64_t maximum) { return {OptionType::integer, minimum, maximum, {}}; }
ValueRule duration(std::int64_t minimum_ms) { return {OptionType::duration, minimum_ms, kDayMs, {}}; }
ValueRule days() { return {OptionType::duration, 0, 365 * kDayMs, {}}; }
ValueRule size() { return {OptionType::size, 0, std::int64_t{1} << 50, {}}; }
ValueRule choice(std::vector<std::string> choices) { return {OptionType::choice, 0, 0, std::move(choices)}; }

std::vector<std::string> log_levels() { return {"debug", "info", "notice", "warning", "error"}; }

KeySpec optional(KeySpec spec) {
  spec.may_be_empty = true;
  return spec;
}

KeySpec repeatable(KeySpec spec) {
  spec.list = true;
  return spec;
}

KeySpec required(KeySpec spec, bool list) {
  spec.required = true;
  spec.list = list;
  return spec;
}

std::vector<KeySpec> master_keys() {
  constexpr auto kMaster = SectionKind::master;
  return {
      optional({kMaster, "control", "PATH", text(), "", "the control socket; empty: none"}),
      optional({kMaster, "pid-file", "PATH", text(), "", "the file that holds the master's pid; empty: none"}),
      {kMaster, "log", "PATH", text(), "stderr", "the file that log lines are appended to, or stderr, or syslog"},
      {kMaster, "log-level", "LEVEL", choice(log_levels()), "info",
       "the least severity that is logged: debug, info, notice, warning or error"},
      {kMaster, "log-format", "FORMAT", choice({"text", "json"}), "text", "text, or json: an object on each line"},
      {kMaster, "syslog-facility", "NAME",
       choice({"daemon", "user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}),
       "daemon", "with log = syslog: daemon, user, local0 to local7"},
      {kMaster, "syslog-socket", "PATH", text(), "/dev/log", "with log = syslog: the socket of its daemon"},
      optional({kMaster, "plugin-path", "FOLDERS", text(), "",
                "where plugins are looked up, separated by ':'; empty: beside the program"}),
      {kMaster, "shutdown-timeout", "DURATION", duration(1), "30s", "how long a graceful stop may take"},
      {kMaster, "prepare-timeout", "DURATION", duration(1), "10s",
       "how long one file, name or plugin may take that a reload asks for"},
      {kMaster, "max-workers", "N", integer(0, kMaxSlots), "0", "room for workers of all pools; 0: derived from them"},
      {kMaster, "auto-users", "FIRST-LAST", text(), "61184-65519", "the user ids that pools with user = auto get"},
  };
}

std::vector<KeySpec> pool_keys() {
  constexpr auto kPool = SectionKind::pool;
  return {
      {kPool, "workers", "N|MIN..MAX", integer(1, kMaxPoolWorkers), "auto",
       "processes of the pool; auto: the CPUs that are granted; MIN..MAX: as its load asks for; 0..MAX: the first "
       "client starts one"},
      {kPool, "user", "NAME|auto", text(), std::nullopt,
       "the user that workers run as; auto: an id of the pool's own, of auto-users in [master]"},
      {kPool, "group", "NAME", text(), std::nullopt, "the group that workers run as; the user's own if not given"},
      {kPool, "boot-timeout", "DURATION", duration(1), "30s", "how long a worker may take to become ready"},
      {kPool, "worker-timeout", "DURATION", duration(0), "1m", "how long a worker may show no life; 0: for ever"},
      {kPool, "max-connections", "N", integer(0, 1'000'000'000), "0",
       "connections of one worker; 0: what the descriptor limit allows"},
      {kPool, "max-requests", "N", integer(0, 1'000'000'000'000), "0",
       "a worker that has served so many, or up to a tenth more, is replaced; 0: never"},
      {kPool, "max-lifetime", "DURATION", days(), "0",
       "a worker that is so old, or up to a tenth older, is replaced; 0: never"},
      {kPool, "max-rss", "SIZE", size(), "0", "a worker with so much resident memory is replaced; 0: never"},
      {kPool, "max-rss-hard", "SIZE", size(), "0",
       "a worker with so much resident memory is killed, whatever it serves; 0: never"},
      {kPool, "master-access", "ACCESS", choice({"none", "read", "operate"}), "none",
       "what services may ask of the master: none; read, its status and metrics; operate, also reload and scale"},
      {kPool, "log-rate", "N", integer(0, 1'000'000), "1000",
       "log lines a second of one worker, in the long run; what is beyond is dropped and counted; 0: no limit"},
  };
}

std::vector<KeySpec> scaling_keys() {
  constexpr auto kPool = SectionKind::pool;
  return {
      {kPool, "spare-workers", "N", integer(0, kMaxPoolWorkers), "0",
       "of MIN..MAX: workers beyond what the load asks for, while there is any"},
      {kPool, "max-busyness", "PERCENT", integer(1, 100), "75",
       "of MIN..MAX: workers are added while they are busy for a greater part of their time"},
      {kPool, "idle-worker-timeout", "DURATION", duration(1), "30s",
       "of MIN..MAX: how long workers must have been too many before idle ones retire"},
  };
}

std::vector<KeySpec> isolation_keys() {
  constexpr auto kPool = SectionKind::pool;
  std::vector<KeySpec> keys{
      optional({kPool, "supplementary-groups", "NAMES", text(), std::nullopt,
                "further groups of workers, by name or number, with blanks between them; the user's own if not given"}),
      {kPool, "chroot", "PATH", text(), std::nullopt, "the folder that is / to workers"},
      {kPool, "umask", "MODE", text(), std::nullopt, "the permissions that files of workers are made without: 0027"},
      {kPool, "nice", "N", integer(-20, 19), std::nullopt, "the priority of workers; 19 is the least"},
      {kPool, "cpu-affinity", "CPUS", text(), std::nullopt, "the CPUs that workers may run on: 0-3,5"},
      {kPool,
       "dumpable",
       "FLAG",
       {OptionType::flag, 0, 0, {}},
       "off",
       "workers that have changed their user leave cores and can be debugged by that user"},
      {kPool, "seccomp", "PROFILE", choice({"off", "default", "strict"}), "off",
       "system calls that workers are refused: default, those that no service needs; strict, also new processes"},
      repeatable({kPool, "landlock-read", "PATH", text(), std::nullopt,
                  "workers may read this and what is below, and nothing else; can be repeated"}),
      repeatable({kPool, "landlock-write", "PATH", text(), std::nullopt,
                  "workers may read and write this and what is below, and nothing else; can be repeated"}),
  };
  for (const auto& kind : limit_kinds()) {
    keys.push_back({kPool, kind.key, kind.bytes ? "SIZE[:SIZE]" : "N[:N]", text(), std::nullopt, kind.help});
  }
  return keys;
}

std::vector<KeySpec> service_keys() {
  constexpr auto kService = SectionKind::service;
  return {
      required({kService, "plugin", "NAME", text(), std::nullopt, "a name in the plugin path, or a path with a '/'"},
               false),
      required({kService, "listen", "ADDRESS", text(), std::nullopt,
                "tcp://HOST:PORT, udp://HOST:PORT, unix:PATH, unix-dgram:PATH, fd:NAME or fd-dgram:NAME, then options; "
                "can be repeated"},
               true),
      {kService, "pool", "NAME", text(), "main", "the pool whose workers run the service"},
      {kService, "idle-timeout", "DURATION", duration(1), "5m",
       "how long a connection may be silent; of HTTP services not used: see keepalive-timeout"},
      {kService, "write-timeout", "DURATION", duration(1), "30s", "how long a client may take nothing of an answer"},
      {kService, "request-timeout", "DURATION", duration(0), "0",
       "how long a request may take, and one piece of work may keep its worker; 0: for ever"},
      {kService, "log-level", "LEVEL", choice(log_levels()), std::nullopt,
       "the least severity of what the service logs; the master's if not given"},
  };
}

std::vector<KeySpec> all_keys() {
  std::vector<KeySpec> all = master_keys();
  for (auto& key : pool_keys()) all.push_back(std::move(key));
  for (auto& key : scaling_keys()) all.push_back(std::move(key));
  for (auto& key : isolation_keys()) all.push_back(std::move(key));
  for (auto& key : service_keys()) all.push_back(std::move(key));
  return all;
}

/// Where a key that is unknown here would be at home: "[pool NAME]"; empty if nowhere.
std::string home_of(std::string_view key) {
  for (const auto& spec : keys()) {
    if (spec.name != key) continue;
    return spec.section == SectionKind::master ? "[master]" : fmt::format("[{} NAME]", word(spec.section));
  }
  return {};
}

/// @return the text in lines of a column's width at most, the second and later ones indented to its start.
std::string in_column(std::string_view text, std::size_t start, std::size_t width) {
  std::string out;
  while (text.size() > width) {
    const auto end = text.rfind(' ', width);
    if (end == std::string_view::npos) break;  // one long word
    out.append(text.substr(0, end)).append("\n").append(start, ' ');
    text.remove_prefix(end + 1);
  }
  return out.append(text);
}

/// "  workers = N    processes of the pool (default auto)"
std::string help_of(const KeySpec& key) {
  constexpr std::size_t kColumns = 100;
  constexpr std::size_t kStart = 32;
  std::string text(key.help);
  if (key.default_value && !key.default_value->empty()) text += fmt::format(" (default {})", *key.default_value);
  if (key.required) text += " (must be given)";
  std::string left = fmt::format("  {} = {}", key.name, key.argument);
  if (left.size() + 2 > kStart) left.append("\n").append(kStart, ' ');  // the text has its own lines
  return fmt::format("{:<{}}{}\n", left, kStart, in_column(text, kStart, kColumns - kStart));
}

}  // namespace

std::span<const KeySpec> keys() {
  static const std::vector<KeySpec> kKeys = all_keys();
  return kKeys;
}

const KeySpec* find_key(SectionKind section, std::string_view name) {
  for (const auto& key : keys()) {
    if (key.section == section && key.name == name) return &key;
  }
  return nullptr;
}

std::vector<std::string> key_names(SectionKind section) {
  std::vector<std::string> names;
  for (const auto& key : keys()) {
    if (key.section == section) names.emplace_back(key.name);
  }
  return names;
}

std::string unknown_key(const SectionId& section, std::string_view key, const std::vector<std::string>& known) {
  const std::string home = home_of(key);
  const std::string hint = home.empty() ? did_you_mean(key, known) : "; it belongs in " + home;
  return fmt::format("unknown key {} in {}{}", in_quotes(key), label(section), hint);
}

std::string key_help() {
  std::string help;
  for (const auto kind : {SectionKind::master, SectionKind::pool, SectionKind::service}) {
    if (!help.empty()) help += '\n';
    help += kind == SectionKind::master ? "[master]\n" : fmt::format("[{} NAME]\n", word(kind));
    for (const auto& key : keys()) {
      if (key.section == kind) help += help_of(key);
    }
  }
  return help;
}

}  // namespace prefork::config
