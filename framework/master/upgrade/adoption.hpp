#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "framework/master/generation/generation.hpp"
#include "framework/master/upgrade/handover.hpp"
#include "ipc/memory/scoreboard.hpp"
#include "ipc/objects/wakeup.hpp"

namespace prefork::master {

/// What a handed-over state stands for, made again in the program that goes on with it. Descriptors that are still
/// named in `state` only (of workers, pipes, clients, the pid file) are to be taken by who needs them.
struct Adoption {
  Handover state;
  std::optional<ipc::Scoreboard> scoreboard;
  std::map<std::uint32_t, std::shared_ptr<const ipc::Seats>> seats;  ///< by the pool's number
  std::vector<ipc::Wakeup> wakeups;
  std::vector<std::shared_ptr<Generation>> generations;  ///< as in `state`: the first is the current one
};

/// Reads the state from a memory file. Every descriptor in it is looked at and made close-on-exec again.
/// Process: master, or the child that tries whether it could be one. Blocks: never.
/// @throws std::runtime_error, StartupError, config::ConfigError: this program can't go on with it
Adoption adopt(ipc::UniqueFd state);

}  // namespace prefork::master
