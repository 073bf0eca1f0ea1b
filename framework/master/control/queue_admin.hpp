#pragma once

#include <functional>
#include <memory>
#include <string>

#include "framework/master/control/control_command.hpp"
#include "framework/master/generation/shared_set.hpp"
#include "framework/master/loop/jobs.hpp"
#include "ipc/objects/party.hpp"

namespace prefork::master {

/// What came of a `queue` command.
struct QueueOutcome {
  std::string answer;  ///< the line for the control socket, its end included
  std::string log;     ///< what changed; empty: nothing
};

/// Lists, puts back or drops the dead letters of a queue. What is done in a piece does not depend on how many there
/// are.
/// @param set  which has the queue, if there is one
/// @param bells  live longer than the job
/// @param done  is called once, at the end
std::unique_ptr<Job> administer_queue(const SharedSet& set, const ipc::Bells& bells, const QueueCommand& command,
                                      std::function<void(QueueOutcome)> done);

}  // namespace prefork::master
