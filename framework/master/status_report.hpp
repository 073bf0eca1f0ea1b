#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/// What `preforkctl status` is told, as plain data, and its JSON. Pure.
namespace prefork::master {

struct MasterStatus {
  pid_t pid = 0;
  std::string version;
  std::uint64_t generation = 0;
  std::chrono::milliseconds uptime{0};
  std::string config_file;  ///< empty: started without one
  bool stopping = false;
  std::string reload;       ///< where a reload is: "canary", "rolling", "rolling back"; empty: none
  std::string last_reload;  ///< how the last one ended; empty: there was none
};

struct PoolStatus {
  std::string name;
  unsigned target = 0;   ///< workers that it shall have
  unsigned running = 0;  ///< workers that are there, in whatever state
  unsigned ready = 0;
  std::string user;
  unsigned failures = 0;                       ///< in a row (RestartPolicy)
  std::chrono::milliseconds throttled_for{0};  ///< until the next start is tried; zero: not throttled
  std::string last_failure;                    ///< empty: none
  std::string size{};                          ///< by the configuration: "4", "1..8"
  /// "fixed", "dynamic", "on demand", or "held": of another size than the configuration asks for
  std::string scaling{};
  double busyness = 0;                            ///< of dynamic and on-demand pools: 0 to 1
  std::chrono::milliseconds circuit_open_for{0};  ///< zero: it is closed
  std::string last_end{};                         ///< of the worker that failed last; empty: none
};

struct ListenerStatus {
  std::string service;
  std::string address;  ///< as bound, with the port that the system chose
  std::string scheme;   ///< "tcp", "udp", "unix", "unix-dgram"
};

struct ServiceStatus {
  std::string name;
  std::string plugin;
  std::string pool;
};

/// What workers count. Never goes down within one worker, nor in the totals.
struct WorkStatus {
  std::uint64_t accepted = 0;
  std::uint64_t requests = 0;
  std::uint64_t datagrams = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

struct WorkerStatus {
  std::string pool;
  unsigned index = 0;  ///< within the pool
  unsigned slot = 0;   ///< of the scoreboard
  pid_t pid = 0;
  std::uint64_t generation = 0;
  std::string state;  ///< status_name()
  std::chrono::milliseconds uptime{0};
  std::uint64_t connections = 0;  ///< open now
  WorkStatus work;
  double requests_per_second = 0;
  std::uint64_t rss_bytes = 0;
  std::string serving;  ///< empty: nothing; any bytes
  std::chrono::milliseconds serving_for{0};
};

struct RestartCount {
  std::string reason;  ///< departure_name(), or the limit that the worker reached: "max-requests"
  std::uint64_t count = 0;
};

struct AccessLogStatus {
  std::string path;
  std::uint64_t dropped = 0;  ///< lines that its writer could not write, since the server's start
};

/// Lines that are lost to the logs. All go up only.
struct LogStatus {
  std::uint64_t dropped = 0;             ///< of the server's log
  std::uint64_t dropped_by_workers = 0;  ///< of the same, by workers that the master did not keep up with
  std::vector<AccessLogStatus> access{};
  std::uint64_t access_dropped_by_workers = 0;  ///< of all access logs, by workers whose writer did not keep up
};

struct StatusSnapshot {
  MasterStatus master;
  std::vector<PoolStatus> pools;
  std::vector<ListenerStatus> listeners;
  std::vector<ServiceStatus> services;
  std::vector<WorkerStatus> workers;
  std::uint64_t connections = 0;   ///< open now, of all workers
  double requests_per_second = 0;  ///< of all workers
  WorkStatus totals;               ///< dead workers included
  std::vector<RestartCount> restarts;
  LogStatus log;
};

/// @return the answer line to `status`, its end included: {"ok":true,"master":{...},...}.
std::string status_answer(const StatusSnapshot& snapshot);

/// @return the answer line to `workers`: {"ok":true,"workers":[...]}.
std::string workers_answer(const StatusSnapshot& snapshot);

}  // namespace prefork::master
