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

/// The objects of a handed-over state, made again in the program that takes over. Descriptors that are still only named
/// in `state` (of workers, pipes, clients, the pid file) must be taken by the code that needs them.
struct Adoption {
  Handover state;
  std::optional<ipc::Scoreboard> scoreboard;
  std::map<std::uint32_t, std::shared_ptr<const ipc::Seats>> seats;  ///< by the pool's number
  std::vector<ipc::Wakeup> wakeups;
  std::vector<std::shared_ptr<Generation>> generations;  ///< in the order of `state`: the first is the current one
};

/// Reads the state from a memory file. Checks every descriptor in it and makes it close-on-exec again. Process: master,
/// or the child that tries whether it could be one. Blocks: never.
/// @throws std::runtime_error, StartupError, config::ConfigError: this program can't take over
Adoption adopt(ipc::UniqueFd state);

}  // namespace prefork::master
