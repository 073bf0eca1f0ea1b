#include "framework/config/option_table.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "framework/config/option_member.hpp"
#include "framework/config/resource_limit.hpp"
#include "framework/config/value_types.hpp"
#include "framework/config/worker_count.hpp"

namespace prefork::config {

namespace {

using namespace std::chrono_literals;
using namespace types;

constexpr std::chrono::milliseconds kDay = 24h;
constexpr std::chrono::milliseconds kYear = 365 * kDay;

ValueType<std::string> log_level() { return choice({"debug", "info", "notice", "warning", "error"}); }

ValueType<std::string> syslog_facility() {
  return choice({"daemon", "user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"});
}

/// `N` or `MIN..MAX`: two members.
Member<PoolOptions> worker_count() {
  return {{OptionType::integer, 1, kMaxPoolWorkers, {}},
          [](PoolOptions& pool, const OptionValue& given, unsigned auto_workers) {
            const WorkerCount count = parse_workers(given.value, auto_workers);
            pool.workers = count.least;
            pool.scaling.max_workers = count.most > count.least ? count.most : 0;
          },
          [](const PoolOptions& pool) {
            return std::vector<OptionValue>{{format_workers(pool), {}}};
          }};
}

/// One of the limits in IsolationOptions::limits.
Member<IsolationOptions> limit(const LimitKind& kind) {
  return {{},
          [&kind](IsolationOptions& isolation, const OptionValue& given, unsigned) {
            isolation.limits.push_back(parse_limit(kind, given.value));
          },
          [&kind](const IsolationOptions& isolation) {
            std::vector<OptionValue> values;
            for (const ResourceLimit& each : isolation.limits) {
              if (each.key == kind.key) values.push_back({format_limit(each), {}});
            }
            return values;
          }};
}

template <class Row>
void append(std::vector<Row>& rows, std::vector<Row> more) {
  std::move(more.begin(), more.end(), std::back_inserter(rows));
}

std::vector<OptionRow<MasterOptions>> master_table() {
  return {
      option("control", "PATH", value(&MasterOptions::control, text_or_empty()), "the control socket; empty: none"),
      option("pid-file", "PATH", value(&MasterOptions::pid_file, text_or_empty()),
             "the file that holds the master's pid; empty: none"),
      option("log", "PATH", value(&MasterOptions::log, text()),
             "the file that log lines are appended to, or stderr, or syslog"),
      option("log-level", "LEVEL", value(&MasterOptions::log_level, log_level()),
             "the lowest level that is logged: debug, info, notice, warning or error"),
      option("log-format", "FORMAT", value(&MasterOptions::log_format, choice({"text", "json"})),
             "text, or json: an object on each line"),
      option("syslog-facility", "NAME", value(&MasterOptions::syslog_facility, syslog_facility()),
             "with log = syslog: daemon, user, local0 to local7"),
      option("syslog-socket", "PATH", value(&MasterOptions::syslog_socket, text()),
             "with log = syslog: the socket of its daemon"),
      option("plugin-path", "FOLDERS", value(&MasterOptions::plugin_path, text_or_empty()),
             "where plugins are looked up, separated by ':'; empty: beside the program"),
      option("shutdown-timeout", "DURATION", value(&MasterOptions::shutdown_timeout, duration(1ms, kDay)),
             "how long a graceful stop may take"),
      option("prepare-timeout", "DURATION", value(&MasterOptions::prepare_timeout, duration(1ms, kDay)),
             "how long a reload may wait for one file, name or plugin"),
      option("max-workers", "N", value(&MasterOptions::max_workers, integer<unsigned>(0, kMaxSlots)),
             "slots for workers of all pools; 0: derived from the pools"),
      option("auto-users", "FIRST-LAST", value(&MasterOptions::auto_users, user_range()),
             "the user ids that pools with user = auto get"),
  };
}

OptionRow<PoolOptions> workers_row() {
  OptionRow<PoolOptions> row =
      option("workers", "N|MIN..MAX", worker_count(),
             "processes of the pool; auto: as many as granted CPUs; MIN..MAX: as its load needs; 0..MAX: the "
             "first client starts one");
  row.key.default_value = "auto";  // which the member can't express
  return row;
}

std::vector<OptionRow<ScalingOptions>> scaling_table() {
  return {
      option("spare-workers", "N", value(&ScalingOptions::spare_workers, integer<unsigned>(0, kMaxPoolWorkers)),
             "for MIN..MAX: workers beyond what the load needs, while there is any"),
      option("max-busyness", "PERCENT", value(&ScalingOptions::max_busyness, integer<unsigned>(1, 100)),
             "for MIN..MAX: workers are added while they are busy for a greater part of their time"),
      option("idle-worker-timeout", "DURATION", value(&ScalingOptions::idle_worker_timeout, duration(1ms, kDay)),
             "for MIN..MAX: how long there must have been too many workers before idle ones retire"),
  };
}

std::vector<OptionRow<PoolOptions>> worker_table() {
  return {
      workers_row(),
      option("user", "NAME|auto", optional_value(&PoolOptions::user, text()),
             "the user that workers run as; auto: an id of the pool's own, of auto-users in [master]"),
      option("group", "NAME", optional_value(&PoolOptions::group, text()),
             "the group that workers run as; the user's own if not given"),
      option("boot-timeout", "DURATION", value(&PoolOptions::boot_timeout, duration(1ms, kDay)),
             "how long a worker may take to become ready"),
      option("worker-timeout", "DURATION", value(&PoolOptions::worker_timeout, duration(0ms, kDay)),
             "how long a worker may go without a heartbeat; 0: for ever"),
      option("max-connections", "N", value(&PoolOptions::max_connections, integer<std::size_t>(0, 1'000'000'000)),
             "connections of one worker; 0: what the descriptor limit allows"),
      option("max-requests", "N", value(&PoolOptions::max_requests, integer<std::uint64_t>(0, 1'000'000'000'000)),
             "a worker that has served this many, or up to a tenth more, is replaced; 0: never"),
      option("max-lifetime", "DURATION", value(&PoolOptions::max_lifetime, duration(0ms, kYear)),
             "a worker of this age, or up to a tenth older, is replaced; 0: never"),
      option("max-rss", "SIZE", value(&PoolOptions::max_rss, size()),
             "a worker with this much resident memory is replaced; 0: never"),
      option("max-rss-hard", "SIZE", value(&PoolOptions::max_rss_hard, size()),
             "a worker with this much resident memory is killed, whatever it serves; 0: never"),
  };
}

std::vector<OptionRow<PoolOptions>> permission_table() {
  return {
      option("master-access", "ACCESS",
             value(&PoolOptions::master_access, one_of<MasterAccess>({"none", "read", "operate"})),
             "what services may ask of the master: none; read, its status and metrics; operate, also reload and scale"),
      option("log-rate", "N", value(&PoolOptions::log_rate, integer<unsigned>(0, 1'000'000)),
             "log lines per second of one worker, in the long run; lines beyond that are dropped and counted; 0: no "
             "limit"),
  };
}

std::vector<OptionRow<IsolationOptions>> isolation_table() {
  return {
      option("supplementary-groups", "NAMES", optional_value(&IsolationOptions::supplementary_groups, names()),
             "supplementary groups of workers, by name or number, separated by blanks; the user's own if not given"),
      option("chroot", "PATH", value_unless_empty(&IsolationOptions::chroot, absolute_path()),
             "the folder that is / to workers"),
      option("umask", "MODE", optional_value(&IsolationOptions::umask, mode()),
             "the permissions that new files of workers do not get: 0027"),
      option("nice", "N", optional_value(&IsolationOptions::nice, integer<int>(-20, 19)),
             "the priority of workers; 19 is the lowest"),
      option("cpu-affinity", "CPUS", value_unless_empty(&IsolationOptions::cpus, cpu_list()),
             "the CPUs that workers may run on: 0-3,5"),
  };
}

std::vector<OptionRow<IsolationOptions>> limit_table() {
  std::vector<OptionRow<IsolationOptions>> rows;
  for (const LimitKind& kind : limit_kinds()) {
    rows.push_back(option(kind.key, kind.bytes ? "SIZE[:SIZE]" : "N[:N]", limit(kind), kind.help));
  }
  return rows;
}

std::vector<OptionRow<IsolationOptions>> refusal_table() {
  return {
      option("dumpable", "FLAG", value(&IsolationOptions::dumpable, flag()),
             "workers that have changed their user leave cores and can be debugged by that user"),
      option("seccomp", "PROFILE",
             value(&IsolationOptions::seccomp, one_of<SeccompProfile>({"off", "default", "strict"})),
             "system calls that workers are refused: default, those that no service needs; strict, also new processes"),
      option("landlock-read", "PATH", list_of(&IsolationOptions::landlock_read, landlock_path()),
             "workers may read this and everything below, and nothing else; can be repeated"),
      option("landlock-write", "PATH", list_of(&IsolationOptions::landlock_write, landlock_part()),
             "workers may read and write this and everything below, and nothing else; can be repeated"),
  };
}

std::vector<OptionRow<PoolOptions>> pool_table() {
  std::vector<OptionRow<PoolOptions>> rows = worker_table();
  append(rows, within(&PoolOptions::scaling, scaling_table()));
  append(rows, permission_table());
  for (const auto& table : {isolation_table(), limit_table(), refusal_table()}) {
    append(rows, within(&PoolOptions::isolation, table));
  }
  return rows;
}

std::vector<OptionRow<ServiceOptions>> service_table() {
  return {
      required(option("plugin", "NAME", value(&ServiceOptions::plugin, text()),
                      "a name in the plugin path, or a path with a '/'")),
      required(option("listen", "ADDRESS", list_of(&ServiceOptions::listeners, address()),
                      "tcp://HOST:PORT, udp://HOST:PORT, unix:PATH, unix-dgram:PATH, fd:NAME or fd-dgram:NAME, then "
                      "options; can be repeated")),
      option("pool", "NAME", value(&ServiceOptions::pool, text()), "the pool whose workers run the service"),
      option("idle-timeout", "DURATION", value(&ServiceOptions::idle_timeout, duration(1ms, kDay)),
             "how long a connection may be silent; HTTP services use keepalive-timeout instead"),
      option("write-timeout", "DURATION", value(&ServiceOptions::write_timeout, duration(1ms, kDay)),
             "how long a client may take nothing from an answer"),
      option("request-timeout", "DURATION", value(&ServiceOptions::request_timeout, duration(0ms, kDay)),
             "how long a request may take, and one piece of work may keep its worker; 0: for ever"),
      option("log-level", "LEVEL", optional_value(&ServiceOptions::log_level, log_level()),
             "the lowest level that the service logs; the master's if not given"),
  };
}

/// The default of a row is the value of its member before anyone has set it.
template <class Section>
std::vector<OptionRow<Section>> complete(SectionKind kind, std::vector<OptionRow<Section>> rows) {
  const Section unset{};
  for (OptionRow<Section>& row : rows) {
    row.key.section = kind;
    const std::vector<OptionValue> values = row.get(unset);
    const bool is_open = !row.key.required && !row.key.default_value;
    if (is_open && !values.empty()) row.key.default_value = values.front().value;
  }
  return rows;
}

}  // namespace

std::span<const OptionRow<MasterOptions>> master_rows() {
  static const auto kRows = complete(SectionKind::master, master_table());
  return kRows;
}

std::span<const OptionRow<PoolOptions>> pool_rows() {
  static const auto kRows = complete(SectionKind::pool, pool_table());
  return kRows;
}

std::span<const OptionRow<ServiceOptions>> service_rows() {
  static const auto kRows = complete(SectionKind::service, service_table());
  return kRows;
}

}  // namespace prefork::config
