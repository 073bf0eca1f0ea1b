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

/// What a configuration says, as plain data: file, environment and command line merged and checked.
namespace prefork::config {

/// Where a value was written, for messages: "prefork.conf:12", "PREFORK_POOL_MAIN_WORKERS", "-o".
struct Origin {
  std::string text;
};

/// The fd schemes stand for a socket that the service manager hands over; once it is there, its own scheme takes the
/// place.
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
  std::string group{};          ///< as owner
  bool proxy_protocol = false;  ///< each connection begins with a PROXY header
  Origin origin;
};

struct OptionValue {
  std::string value;
  Origin origin;
};

/// A limit of the kernel's on each worker: what getrlimit(2) calls RLIMIT_NOFILE and so on.
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
  std::vector<OptionValue> landlock_read;  ///< absolute paths, within the chroot where there is one
  std::vector<OptionValue> landlock_write;
};

/// How a pool of `workers = MIN..MAX` follows its load.
struct ScalingOptions {
  unsigned max_workers = 0;    ///< MAX; zero: the pool has always the same number of workers
  unsigned spare_workers = 0;  ///< beyond what the load asks for
  unsigned max_busyness = 75;  ///< percent: what the load is spread to
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
  unsigned workers = 1;  ///< or MIN of MIN..MAX; `auto` is resolved already: the CPUs that the process may use
  std::optional<std::string> user;
  std::optional<std::string> group;
  std::chrono::milliseconds boot_timeout{30'000};
  std::chrono::milliseconds worker_timeout{60'000};  ///< without heartbeat; zero: never
  std::size_t max_connections = 0;                   ///< per worker; zero: what the descriptor limit allows
  std::uint64_t max_requests = 0;                    ///< of one worker, then it is replaced; zero: no limit
  std::chrono::milliseconds max_lifetime{0};         ///< as max_requests
  std::uint64_t max_rss = 0;                         ///< bytes; as max_requests
  std::uint64_t max_rss_hard = 0;                    ///< bytes: beyond them it is killed; zero: no limit
  ScalingOptions scaling;
  IsolationOptions isolation;
  MasterAccess master_access = MasterAccess::none;
  unsigned log_rate = 1'000;  ///< log lines a second of one worker; zero: no limit
  Origin origin;
};

/// The user of a pool that gets an id of its own.
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
  std::map<std::string, OptionValue> own;        ///< the plugin's options, to be checked against its manifest
  Origin origin;
};

struct MasterOptions {
  std::string control;         ///< path of the control socket; empty: none
  std::string pid_file;        ///< empty: none
  std::string log = "stderr";  ///< or "syslog", or a path
  std::string plugin_path;     ///< folders separated by ':'; empty: beside the program
  std::string log_level = "info";
  std::chrono::milliseconds shutdown_timeout{30'000};
  std::chrono::milliseconds prepare_timeout{10'000};  ///< of each file, name, plugin that a reload asks for
  unsigned max_workers = 0;                           ///< room in the scoreboard; zero: derived from the pools
  UserRange auto_users;                               ///< of pools with `user = auto`
  std::string log_format = "text";
  std::string syslog_facility = "daemon";
  std::string syslog_socket = "/dev/log";
};

struct Options {
  /// The folder of the configuration file, as it really was when that was read: what workers and plugins find relative
  /// paths from. Empty: there is no file.
  std::string folder;
  MasterOptions master;
  std::vector<PoolOptions> pools;        ///< in the order of the file; those that only services name come last
  std::vector<ServiceOptions> services;  ///< in the order of the file
  /// What is odd, but no error, for people: a sentence each.
  std::vector<std::string> notes;
  /// Where each value of the framework's own keys was written, by its full key ("pool.main.workers");
  /// "default" where nobody gave one. For `dump` and for messages; of no meaning to the server's run.
  std::map<std::string, Origin> origins;
};

}  // namespace prefork::config
