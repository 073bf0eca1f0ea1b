#include "framework/master/workforce/lost_request.hpp"

#include <algorithm>

#include "framework/master/report/activity_text.hpp"
#include "framework/master/workforce/crew.hpp"

namespace prefork::master {

std::optional<LostRequest> lost_request_of(const Crew& crew, const WorkerRecord& worker) {
  const ipc::Activity activity = crew.slot(worker).activity();
  const Pool& pool = crew.pool_of(worker);
  if (activity.kind != ipc::ActivityKind::request || activity.service >= pool.services.size()) return std::nullopt;
  const auto& services = pool.generation->options.services;
  const auto at = std::ranges::find(services, pool.services[activity.service], &config::ServiceOptions::name);
  const std::uint64_t now = ipc::monotonic_ns();
  return LostRequest{pool.generation,
                     static_cast<std::size_t>(at - services.begin()),
                     crew.short_name(worker),
                     worker.pid,
                     client_of(activity),
                     request_of(activity),
                     activity.since_ns < now ? (now - activity.since_ns) / 1000 : 0};
}

}  // namespace prefork::master
