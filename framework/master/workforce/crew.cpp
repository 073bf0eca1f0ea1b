#include "framework/master/workforce/crew.hpp"

#include <algorithm>
#include <utility>

#include "framework/base/visible.hpp"
#include "framework/master/report/activity_text.hpp"

namespace prefork::master {

Crew::Crew(std::shared_ptr<Generation> serving, ipc::Scoreboard board)
    : current(std::move(serving)),
      scoreboard(std::move(board)),
      pools(scoreboard.slots()),
      workers(scoreboard.slots()) {}

void Crew::forget_empty_pools() {
  pools.remove_if(
      [&](std::size_t id, const Pool& pool) { return pool.role == PoolRole::leaving && workers.count(id) == 0; });
}

const WorkerRecord* Crew::holder(ipc::Owner owner) const {
  const WorkerRecord* found = nullptr;
  if (owner == ipc::kNobody || owner == ipc::kMasterOwner) return found;
  workers.for_each([&](const WorkerRecord& worker) {
    if (worker.slot == ipc::slot_of(owner)) found = &worker;
  });
  return found;
}

std::vector<const Generation*> Crew::generations() const {
  std::vector<const Generation*> all{current.get()};
  for (const auto& [id, pool] : pools) {
    if (std::ranges::find(all, pool.generation.get()) == all.end()) all.push_back(pool.generation.get());
  }
  return all;
}

SharedWalk::Objects Crew::objects() const {
  SharedWalk::Objects all;
  for (const Generation* generation : generations()) {
    for (const auto& object : generation->objects.objects()) {
      if (std::ranges::find(all, object) == all.end()) all.push_back(object);
    }
  }
  return all;
}

std::string Crew::short_name(const WorkerRecord& worker) const {
  return pool_of(worker).name + "/" + std::to_string(worker.index);
}

std::string Crew::name(const WorkerRecord& worker) const {
  return "worker " + short_name(worker) + " (pid " + std::to_string(worker.pid) + ")";
}

LogSubject Crew::about(const WorkerRecord& worker) const {
  return {worker.pid, pool_of(worker).name, worker.index, worker.generation, {}};
}

Crew::Served Crew::serving(const WorkerRecord& worker) const {
  const ipc::Activity activity = slot(worker).activity();
  const std::uint64_t now = ipc::monotonic_ns();
  const bool serves = activity.kind != ipc::ActivityKind::none && activity.since_ns < now;
  return {activity_text(activity, pool_of(worker).services),
          std::chrono::milliseconds(serves ? (now - activity.since_ns) / 1'000'000 : 0)};
}

std::string Crew::serving_text(const WorkerRecord& worker) const {
  const std::string activity = serving(worker).activity;
  return activity.empty() ? "" : "; it is serving " + base::escape_untrusted(activity, 256);
}

}  // namespace prefork::master
