#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/master/generation.hpp"
#include "framework/master/restart_policy.hpp"
#include "framework/master/worker_state.hpp"

namespace prefork::master {

/// A pool of one generation, as the workforce keeps it: its workers run what the generation holds, however late they
/// are started.
struct Pool {
  enum class Role : std::uint8_t {
    serving,   ///< the workers that there shall be
    incoming,  ///< of the generation that is being rolled in
    outgoing,  ///< of the one that makes room for it
    leaving,   ///< its last workers drain
  };

  std::shared_ptr<Generation> generation;
  std::size_t place = 0;     ///< in Options::pools of the generation
  std::uint32_t number = 0;  ///< on the scoreboard: pools of one name are the same there
  std::string name;
  std::string user;
  Role role = Role::serving;
  unsigned goal = 0;    ///< workers that it shall have
  unsigned target = 0;  ///< and now: less than that while it is rolled
  WorkerLimits limits;
  std::uint64_t max_rss_hard = 0;  ///< bytes; zero: no limit
  RestartPolicy policy;
  std::vector<std::string> services;  ///< in the order that the workers get them
  unsigned warned_throttle = 0;       ///< failures that the log was told of
};

inline const config::PoolOptions& options_of(const Pool& pool) { return pool.generation->options.pools[pool.place]; }

}  // namespace prefork::master
