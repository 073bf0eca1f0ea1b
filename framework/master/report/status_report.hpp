#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/memory/scoreboard.hpp"
#include "ipc/objects/metrics.hpp"
#include "ipc/posix/socket_queue.hpp"

/// The data of `preforkctl status`, and its JSON. Pure.
namespace prefork::master {

struct MasterStatus {
  pid_t pid = 0;
  std::string version;
  std::uint64_t generation = 0;
  std::chrono::milliseconds uptime{0};
  std::string config_file;  ///< empty: started without one
  bool stopping = false;
  std::string reload;       ///< the phase of a reload: "canary", "rolling", "rolling back"; empty: no reload
  std::string last_reload;  ///< how the last reload ended; empty: there was none
  std::uint64_t reloads_done = 0;
  std::uint64_t reloads_failed = 0;
  std::uint64_t rss_bytes = 0;
  std::chrono::milliseconds cpu{0};           ///< used since its start
  std::chrono::microseconds longest_turn{0};  ///< of its loop, since its start
};

struct PoolStatus {
  std::string name;
  unsigned target = 0;   ///< how many workers it should have
  unsigned running = 0;  ///< how many workers exist, in any state
  unsigned ready = 0;
  std::string user;
  unsigned failures = 0;                       ///< in a row (RestartPolicy)
  std::chrono::milliseconds throttled_for{0};  ///< until the next start is tried; zero: not throttled
  std::string last_failure;                    ///< empty: none
  std::string size{};                          ///< as configured: "4", "1..8"
  /// "fixed", "dynamic", "on demand", or "held": its size was set by hand
  std::string scaling{};
  double busyness = 0;                            ///< of dynamic and on-demand pools: 0 to 1
  std::chrono::milliseconds circuit_open_for{0};  ///< zero: it is closed
  std::string last_end{};                         ///< of the worker that failed last; empty: none
  std::uint64_t waiting = 0;                      ///< clients that no worker has taken yet, as far as the kernel says
  std::chrono::milliseconds full_for{0};          ///< no worker takes more and clients wait; zero: not so
};

struct ListenerStatus {
  std::string service;
  std::string address;                      ///< as bound, with the port that the system chose
  std::string scheme;                       ///< "tcp", "udp", "unix", "unix-dgram"
  std::optional<ipc::SocketQueue> queue{};  ///< what waits; nullopt: the kernel does not say
};

/// How long the requests of an HTTP service took, from the moment a worker found them to their answer.
struct LatencyStatus {
  /// A bucket's bound is 2^13 (8 us), 2^14, ... 2^33 (8.6 s) nanoseconds, exclusive; the last bucket has no bound.
  static constexpr unsigned kFirstPower = 13;
  static constexpr std::size_t kBounds = 21;

  explicit LatencyStatus(const ipc::HistogramValues& values = {});
  static constexpr std::uint64_t bound_ns(std::size_t bucket) noexcept {
    return std::uint64_t{1} << (kFirstPower + bucket);
  }

  std::array<std::uint64_t, kBounds + 1> buckets{};
  std::uint64_t count = 0;
  double sum_seconds = 0;
};

/// The classes of ipc::ResponseCounts.
inline constexpr std::array<std::string_view, ipc::ResponseCounts::kClasses> kStatusClasses{"1xx", "2xx", "3xx", "4xx",
                                                                                            "5xx"};

struct ServiceStatus {
  std::string name;
  std::string plugin;
  std::string pool;
  std::optional<LatencyStatus> latency{};          ///< nullopt: not an HTTP service
  std::optional<ipc::ResponseCounts> responses{};  ///< likewise
};

/// What workers count. Never goes down, neither within one worker nor in the totals.
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
  std::chrono::milliseconds cpu{0};  ///< used since its start
};

struct RestartCount {
  std::string reason;  ///< departure_name(), or the limit that the worker reached: "max-requests"
  std::uint64_t count = 0;
};

struct AccessLogStatus {
  std::string path;
  std::uint64_t dropped = 0;  ///< lines that its writer could not write since the server's start
};

/// Lines lost to the logs. All numbers only go up.
struct LogStatus {
  std::uint64_t dropped = 0;             ///< of the server's log
  std::uint64_t dropped_by_workers = 0;  ///< of the server's log, dropped by workers because the master did not keep up
  std::vector<AccessLogStatus> access{};
  std::uint64_t access_dropped_by_workers = 0;  ///< of all access logs, dropped by workers because the writer did not
                                                ///< keep up
  std::uint64_t dropped_by_rate = 0;  ///< of the server's log, dropped by the master: lines of workers beyond log-rate
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
  ipc::CounterValues counters{};             ///< everything that workers count, including dead ones
  std::optional<std::uint64_t> overflows{};  ///< connections that the host dropped because a listener's queue was full
};

/// @return the answer line to `status`, with its line end: {"ok":true,"master":{...},...}
std::string status_answer(const StatusSnapshot& snapshot);

/// @return the answer line to `workers`: {"ok":true,"workers":[...]}
std::string workers_answer(const StatusSnapshot& snapshot);

}  // namespace prefork::master
