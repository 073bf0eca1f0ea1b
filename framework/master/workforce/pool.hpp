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

/// A pool of one generation, as the workforce keeps it: its workers run what the generation holds, however late they
/// are started.
struct Pool {
  using Role = PoolRole;

  std::shared_ptr<Generation> generation;
  std::size_t place = 0;                    ///< in Options::pools of the generation
  std::uint32_t number = 0;                 ///< pools of one name have the same
  std::shared_ptr<const ipc::Seats> seats;  ///< of all pools with this number
  std::string name;
  std::string user;
  Role role = Role::serving;
  unsigned goal = 0;    ///< workers that it shall have
  unsigned target = 0;  ///< and now: less than that while it is rolled
  WorkerLimits limits;
  std::uint64_t max_rss_hard = 0;  ///< bytes; zero: no limit
  RestartPolicy policy;
  Pace recycles;                                            ///< replacements that workers have asked for
  std::optional<TimePoint> told_recycles;                   ///< when the log was told last that they wait
  std::vector<std::string> services;                        ///< in the order that the workers get them
  std::vector<LogLevel> log_levels;                         ///< of these
  std::vector<std::chrono::milliseconds> request_timeouts;  ///< of services, zero: no limit; empty: none has one
  unsigned warned_throttle = 0;                             ///< failures that the log was told of
  RepeatedFailure no_start;                                 ///< of what makes workers
  bool told_open = false;                                   ///< the log was told that the circuit is open
  std::optional<TimePoint> told_pace;                       ///< when the log was told last that replacements wait
  std::string last_end;                                     ///< how the worker ended that failed last; empty: none has

  // Of a pool of MIN..MAX.
  std::optional<Scaler> scaler;          ///< nullopt: its size is fixed
  bool held = false;                     ///< somebody has set its size: the scaler leaves it alone
  bool client_waits = false;             ///< seen by `watch` since the last turn
  std::unique_ptr<ListenerWatch> watch;  ///< while it has no worker
};

inline const config::PoolOptions& options_of(const Pool& pool) { return pool.generation->options.pools[pool.place]; }
/// Whether the pool's size is its scaler's to set.
inline bool follows_load(const Pool& pool) noexcept { return pool.scaler && !pool.held; }

/// A pool of a generation's options, by its place in them, without number and seats; it is serving.
Pool make_pool(const std::shared_ptr<Generation>& generation, std::size_t place);

/// @return the sockets of a pool's listeners, in the order in which its workers get them. To be called while the pool
///   still has the addresses that the worker was given.
std::vector<GivenSocket> sockets_of(const Pool& pool);

/// @return how often workers of a pool may be replaced because they ask for it: as many as it has, ten at least, and
/// then each once in ten seconds, one in a second at least.
Pace::Limits recycle_pace(unsigned workers) noexcept;

/// @return what sizes a pool of MIN..MAX; nullopt: its size is fixed.
std::optional<Scaler> scaler_of(const config::PoolOptions& options, TimePoint now);

/// @return how many workers an incoming pool should have in the place of one that has `before`.
unsigned first_goal(const Pool& incoming, unsigned before) noexcept;

}  // namespace prefork::master
