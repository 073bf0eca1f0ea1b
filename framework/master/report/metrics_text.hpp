#pragma once

#include <string>
#include <vector>

#include "framework/master/report/shared_report.hpp"
#include "framework/master/report/status_report.hpp"

namespace prefork::master {

/// The server's numbers in Prometheus' text format 0.0.4, which `preforkctl metrics` prints and an admin service serves
/// to scrapers. docs/operations.md lists them. A family without samples is left out. Workers are told apart by their
/// slot on the scoreboard and never by their pid, so that a restart makes no new series. Pure.
std::string metrics_text(const StatusSnapshot& status, const std::vector<SharedStatus>& shared);

}  // namespace prefork::master
