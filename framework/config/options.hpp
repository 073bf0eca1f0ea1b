#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "framework/base/seccomp_profile.hpp"

/// The contents of a configuration as plain data: file, environment and command line, merged and checked.
namespace prefork::config {

/// Where a value was written, for messages: "prefork.conf:12", "PREFORK_POOL_MAIN_WORKERS", "-o".
struct Origin {
  std::string text;
};

/// The fd schemes stand for a socket that the service manager hands over; once it is there, its own scheme replaces
/// them.
enum class ListenScheme { tcp, udp, unix_stream, unix_dgram, fd_stream, fd_dgram };

/// One `listen` line: an address as written, not yet resolved, and its options.
struct ListenSpec {
  std::string address;  ///< "tcp://127.0.0.1:8080", "unix:/run/x.sock": without the options
  ListenScheme scheme = ListenScheme::tcp;
  std::string host;       ///< without brackets
  std::string port;       ///< a number or a service name
  std::string path;       ///< of the unix schemes
  std::string fd_name{};  ///< of the fd schemes
  int backlog = 4096;
  bool reuseport = false;
  bool nodelay = true;
  bool ipv6only = true;
  mode_t mode = 0660;           ///< of the unix schemes' socket file
  std::string owner{};          ///< of that file: a user's name or number; empty: the master's
  std::string group{};          ///< like owner
  bool proxy_protocol = false;  ///< each connection begins with a PROXY header
  Origin origin;
};

struct OptionValue {
  std::string value;
  Origin origin;
};

/// A kernel limit on each worker: RLIMIT_NOFILE and others of getrlimit(2).
struct ResourceLimit {
  std::string key;  ///< "limit-nofile"
  int resource = 0;
  rlimit value{};
};

using base::SeccompProfile;

/// What workers of a pool are kept from, and what they get of the machine. Unset: as the master has it.
struct IsolationOptions {
  std::optional<std::vector<std::string>> supplementary_groups;  ///< names or ids; unset: the user's own
  std::string chroot;                                            ///< an absolute path; empty: none
  std::optional<mode_t> umask;
  std::optional<int> nice;
  std::vector<unsigned> cpus;  ///< ascending; empty: all that the master may use
  std::vector<ResourceLimit> limits;
  bool dumpable = false;
  SeccompProfile seccomp = SeccompProfile::off;
  std::vector<OptionValue> landlock_read;  ///< absolute paths, within the chroot if there is one
  std::vector<OptionValue> landlock_write;
};

/// How a pool of `workers = MIN..MAX` follows its load.
struct ScalingOptions {
  unsigned max_workers = 0;    ///< MAX; zero: the pool always has the same number of workers
  unsigned spare_workers = 0;  ///< beyond what the load needs
  unsigned max_busyness = 75;  ///< percent: how busy the load may make each worker
  std::chrono::milliseconds idle_worker_timeout{30'000};
};

/// What a pool's services may ask of the master.
enum class MasterAccess { none, read, operate };

/// User ids from the first to the last.
struct UserRange {
  uid_t first = 61184;  ///< as systemd's DynamicUser
  uid_t last = 65519;
};

struct PoolOptions {
  std::string name;
  unsigned workers = 1;  ///< or MIN of MIN..MAX; `auto` is already resolved to the CPUs that the process may use
  std::optional<std::string> user;
  std::optional<std::string> group;
  std::chrono::milliseconds boot_timeout{30'000};
  std::chrono::milliseconds worker_timeout{60'000};  ///< without heartbeat; zero: no limit
  std::size_t max_connections = 0;                   ///< per worker; zero: as many as the descriptor limit allows
  std::uint64_t max_requests = 0;                    ///< of one worker, which is then replaced; zero: no limit
  std::chrono::milliseconds max_lifetime{0};         ///< as max_requests
  std::uint64_t max_rss = 0;                         ///< bytes; as max_requests
  std::uint64_t max_rss_hard = 0;                    ///< bytes; a worker with more is killed; zero: no limit
  ScalingOptions scaling;
  IsolationOptions isolation;
  MasterAccess master_access = MasterAccess::none;
  unsigned log_rate = 1'000;  ///< log lines per second of one worker; zero: no limit
  Origin origin;
};

/// The user of a pool that gets a user id of its own.
inline constexpr const char* kAutoUser = "auto";

struct ServiceOptions {
  std::string name;
  std::string plugin;  ///< a name to look up in the plugin path, or a path with a '/'
  std::string pool = "main";
  std::vector<ListenSpec> listeners;
  std::chrono::milliseconds idle_timeout{300'000};
  std::chrono::milliseconds write_timeout{30'000};
  std::chrono::milliseconds request_timeout{0};  ///< zero: no limit
  std::optional<std::string> log_level;          ///< unset: the master's
  std::map<std::string, OptionValue> own;        ///< the plugin's options, which must be checked against its manifest
  Origin origin;
};

struct MasterOptions {
  std::string control;         ///< path of the control socket; empty: none
  std::string pid_file;        ///< empty: none
  std::string log = "stderr";  ///< or "syslog", or a path
  std::string plugin_path;     ///< folders separated by ':'; empty: beside the program
  std::string log_level = "info";
  std::chrono::milliseconds shutdown_timeout{30'000};
  std::chrono::milliseconds prepare_timeout{10'000};  ///< for each file, name or plugin that a reload needs
  unsigned max_workers = 0;  ///< number of slots in the scoreboard; zero: derived from the pools
  UserRange auto_users;      ///< of pools with `user = auto`
  std::string log_format = "text";
  std::string syslog_facility = "daemon";
  std::string syslog_socket = "/dev/log";
};

struct Options {
  /// The folder of the configuration file, with its links resolved at the time of reading: the base of relative paths
  /// for workers and plugins. Empty: there is no file.
  std::string folder;
  MasterOptions master;
  std::vector<PoolOptions> pools;        ///< in the order of the file; those that are only named by services come last
  std::vector<ServiceOptions> services;  ///< in the order of the file
  /// What is unusual but no error, for people: one sentence each.
  std::vector<std::string> notes;
  /// Where each value of the framework's own keys was written, by its full key ("pool.main.workers"); "default" if
  /// nobody gave one. For `dump` and for messages; the running server does not use it.
  std::map<std::string, Origin> origins;
};

}  // namespace prefork::config
