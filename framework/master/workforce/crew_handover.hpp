#pragma once

#include "framework/master/upgrade/adoption.hpp"
#include "framework/master/upgrade/handover.hpp"
#include "framework/master/workforce/crew.hpp"

/// Hands pools, workers, generations and what they share over to another program of the same process, and takes them
/// over there.
namespace prefork::master {

/// Adds a crew to the handover. No rollout may be under way.
void hand_over_crew(const Crew& crew, Handover& handover);
void hand_over_wakeups(const ipc::Wakeups& wakeups, Handover& handover);

/// Fills an empty crew from a handover. @throws std::system_error: a worker has no pidfd
void adopt_crew(const Adoption& adoption, Crew& crew);

}  // namespace prefork::master
