#pragma once

#include "framework/master/report/exit_report.hpp"
#include "framework/master/report/status_report.hpp"
#include "framework/master/workforce/crew.hpp"
#include "framework/master/workforce/saturation_watch.hpp"

/// Reports on pools and workers.
namespace prefork::master {

/// How many workers there are, and how many there should be.
struct Strength {
  unsigned ready = 0;
  unsigned wanted = 0;
  unsigned running = 0;  ///< in any state
  bool complete = true;  ///< whether every pool has as many ready workers as it should have
};
Strength strength_of(const Crew& crew);

/// The input of exit_report() for a worker that has been reaped. @param served  must outlive the result
ExitFacts exit_facts(const Crew& crew, const WorkerRecord& worker, int wait_status, const Crew::Served& served);

/// Adds pools, workers, totals and restarts. Records how far each worker has got, for its rate of requests.
void report_crew(Crew& crew, const SaturationWatch& saturation, TimePoint now, StatusSnapshot& snapshot);

}  // namespace prefork::master
