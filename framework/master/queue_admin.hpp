#pragma once

#include <string>

#include "framework/master/control_command.hpp"
#include "framework/master/shared_set.hpp"
#include "ipc/party.hpp"

namespace prefork::master {

/// What came of a `queue` command.
struct QueueOutcome {
  std::string answer;  ///< the line for the control socket, its end included
  std::string log;     ///< what changed; empty: nothing
};

/// Lists, puts back or drops the dead letters of a queue. Blocks: never; the time is bounded by the queue's shape.
QueueOutcome administer_queue(const SharedSet& set, const ipc::Bells& bells, const QueueCommand& command);

}  // namespace prefork::master
