#pragma once

#include <string_view>
#include <vector>

#include "framework/cli/rehearsal.hpp"
#include "framework/master/generation/generation.hpp"
#include "framework/master/workforce/fork_server.hpp"
#include "framework/master/workforce/spawner.hpp"

/// What the program forks through the fork server: workers, inspectors of plugins, rehearsals of isolation.
namespace prefork::cli {

class Forks {
 public:
  Forks();

  master::ForkServer& server() noexcept { return server_; }
  master::ForkWorker worker();
  master::InspectPlugin inspector();
  StartRehearsal rehearser();

 private:
  master::ForkServer server_;
};

/// Runs the fork server on this socket. Process: one that was executed for it.
[[noreturn]] void run_fork_server(int socket);

}  // namespace prefork::cli
