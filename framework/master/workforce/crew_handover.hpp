#pragma once

#include "framework/master/upgrade/adoption.hpp"
#include "framework/master/upgrade/handover.hpp"
#include "framework/master/workforce/crew.hpp"

/// How pools, workers, generations and what they share are handed over to another program of the same process, and
/// taken over by it.
namespace prefork::master {

/// Adds a crew to what is handed over. Nothing is rolled.
void hand_over_crew(const Crew& crew, Handover& handover);
void hand_over_wakeups(const ipc::Wakeups& wakeups, Handover& handover);

/// Fills an empty crew with what was handed over. @throws std::system_error: a worker has no pidfd
void adopt_crew(const Adoption& adoption, Crew& crew);

}  // namespace prefork::master
