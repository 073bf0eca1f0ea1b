#pragma once

#include <functional>
#include <memory>
#include <string>

#include "framework/master/control/control_command.hpp"
#include "framework/master/generation/shared_set.hpp"
#include "framework/master/loop/jobs.hpp"
#include "ipc/objects/party.hpp"

namespace prefork::master {

/// The result of a `queue` command.
struct QueueOutcome {
  std::string answer;  ///< the line for the control socket, with its line end
  std::string log;     ///< what changed; empty: nothing
};

/// Lists, requeues or drops the dead letters of a queue. The size of a piece of work does not depend on their number.
/// @param set  has the queue, if it exists
/// @param bells  must outlive the job
/// @param done  called once, at the end
std::unique_ptr<Job> administer_queue(const SharedSet& set, const ipc::Bells& bells, const QueueCommand& command,
                                      std::function<void(QueueOutcome)> done);

}  // namespace prefork::master
