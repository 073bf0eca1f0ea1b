#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/master/generation/generation.hpp"
#include "framework/master/log/log_line.hpp"
#include "framework/master/policy/pace.hpp"
#include "framework/master/policy/pool_role.hpp"
#include "framework/master/policy/repeated_failure.hpp"
#include "framework/master/policy/restart_policy.hpp"
#include "framework/master/policy/scaler.hpp"
#include "framework/master/policy/worker_state.hpp"
#include "framework/master/workforce/listener_watch.hpp"
#include "framework/master/workforce/worker_table.hpp"
#include "ipc/memory/scoreboard.hpp"

namespace prefork::master {

/// A pool of one generation, as the workforce keeps it: its workers run what the generation contains, however late they
/// are started.
struct Pool {
  using Role = PoolRole;

  std::shared_ptr<Generation> generation;
  std::size_t place = 0;                    ///< in Options::pools of the generation
  std::uint32_t number = 0;                 ///< pools with the same name have the same number
  std::shared_ptr<const ipc::Seats> seats;  ///< of all pools with this number
  std::string name;
  std::string user;
  Role role = Role::serving;
  unsigned goal = 0;    ///< how many workers it should have
  unsigned target = 0;  ///< how many it should have now: fewer during a rollout
  WorkerLimits limits;
  std::uint64_t max_rss_hard = 0;  ///< bytes; zero: no limit
  RestartPolicy policy;
  Pace recycles;                                            ///< replacements that workers have asked for
  std::optional<TimePoint> told_recycles;                   ///< when the log last said that they wait
  std::vector<std::string> services;                        ///< in the order in which the workers get them
  std::vector<LogLevel> log_levels;                         ///< of these
  std::vector<std::chrono::milliseconds> request_timeouts;  ///< of services, zero: no limit; empty: no service has one
  unsigned warned_throttle = 0;                             ///< number of failures that the log mentions
  RepeatedFailure no_start;                                 ///< failures to start a worker
  bool told_open = false;                                   ///< whether the log says that the circuit is open
  std::optional<TimePoint> told_pace;                       ///< when the log last said that replacements wait
  std::string last_end;  ///< how the worker that failed last ended; empty: none has failed

  // For a pool of MIN..MAX.
  std::optional<Scaler> scaler;          ///< nullopt: its size is fixed
  bool held = false;                     ///< somebody has set its size: the scaler does not change it
  bool client_waits = false;             ///< `watch` has seen one since the last turn
  std::unique_ptr<ListenerWatch> watch;  ///< while it has no workers
};

inline const config::PoolOptions& options_of(const Pool& pool) { return pool.generation->options.pools[pool.place]; }
/// Whether the scaler sets the pool's size.
inline bool follows_load(const Pool& pool) noexcept { return pool.scaler && !pool.held; }

/// Makes a serving pool from a generation's options, by its index in them, without number and seats.
Pool make_pool(const std::shared_ptr<Generation>& generation, std::size_t place);

/// @return the sockets of a pool's listeners, in the order in which its workers get them. Must be called while the pool
/// still has the addresses that the worker got.
std::vector<GivenSocket> sockets_of(const Pool& pool);

/// @return how often workers of a pool may be replaced at their own request: at once as many as the pool has workers,
/// at least ten; then each worker once in ten seconds, at least one worker per second
Pace::Limits recycle_pace(unsigned workers) noexcept;

/// @return the scaler of a pool of MIN..MAX; nullopt: its size is fixed
std::optional<Scaler> scaler_of(const config::PoolOptions& options, TimePoint now);

/// @return how many workers an incoming pool should have in place of one that has `before`
unsigned first_goal(const Pool& incoming, unsigned before) noexcept;

}  // namespace prefork::master
