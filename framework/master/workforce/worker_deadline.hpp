#pragma once

#include <optional>

#include "framework/master/workforce/crew.hpp"

/// How long a worker may go on as it is, depending on its state, its last heartbeat and what it says it is doing.
/// Nothing here changes anything.
namespace prefork::master {

/// What happens to the worker first if it neither speaks nor beats nor dies; nullopt: nothing.
std::optional<WorkerDeadline> deadline_of(const Crew& crew, const WorkerRecord& worker);

/// When to ask again, since the worker may begin a request without notice; nullopt: there is no need.
std::optional<TimePoint> next_look_at(const Crew& crew, const WorkerRecord& worker, TimePoint now);

/// Whether its heartbeat is judged by a request-timeout instead of worker-timeout.
bool is_at_request(const Crew& crew, const WorkerRecord& worker);

}  // namespace prefork::master
