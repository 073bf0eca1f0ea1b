#include "framework/master/workforce/worker_table.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "ipc/posix/check.hpp"

namespace prefork::master {

WorkerRecord& WorkerTable::add(std::unique_ptr<WorkerRecord> worker) {
  PREFORK_CHECK(worker->slot < slot_taken_.size() && !slot_taken_[worker->slot]);
  slot_taken_[worker->slot] = true;
  const pid_t pid = worker->pid;
  const auto [at, fresh] = workers_.emplace(pid, std::move(worker));
  PREFORK_CHECK(fresh);
  return *at->second;
}

void WorkerTable::remove(pid_t pid) {
  const auto at = workers_.find(pid);
  PREFORK_CHECK(at != workers_.end());
  workers_.erase(at);
}

void WorkerTable::free(std::size_t slot) {
  PREFORK_CHECK(slot < slot_taken_.size() && slot_taken_[slot]);
  slot_taken_[slot] = false;
}

WorkerRecord* WorkerTable::find(pid_t pid) noexcept {
  const auto at = workers_.find(pid);
  return at == workers_.end() ? nullptr : at->second.get();
}

std::optional<std::size_t> WorkerTable::free_slot() const noexcept {
  const auto at = std::find(slot_taken_.begin(), slot_taken_.end(), false);
  if (at == slot_taken_.end()) return std::nullopt;
  return static_cast<std::size_t>(at - slot_taken_.begin());
}

unsigned WorkerTable::free_index(std::size_t pool) const {
  std::set<unsigned> filled;
  for_each([&](const WorkerRecord& worker) {
    if (worker.pool == pool && counts_towards_pool(worker.state)) filled.insert(worker.index);
  });
  unsigned index = 0;
  while (filled.contains(index)) ++index;
  return index;
}

unsigned WorkerTable::count(std::size_t pool) const noexcept {
  unsigned count = 0;
  for_each([&](const WorkerRecord& worker) { count += worker.pool == pool ? 1 : 0; });
  return count;
}

unsigned WorkerTable::count_filling(std::size_t pool) const noexcept {
  unsigned count = 0;
  for_each(
      [&](const WorkerRecord& worker) { count += worker.pool == pool && counts_towards_pool(worker.state) ? 1 : 0; });
  return count;
}

unsigned WorkerTable::count_due(std::size_t pool) const noexcept {
  unsigned count = 0;
  for_each([&](const WorkerRecord& worker) {
    count += worker.pool == pool && counts_towards_pool(worker.state) && !worker.recycle.empty() ? 1 : 0;
  });
  return count;
}

unsigned WorkerTable::count_in(std::size_t pool, WorkerState state) const noexcept {
  unsigned count = 0;
  for_each([&](const WorkerRecord& worker) { count += worker.pool == pool && worker.state == state ? 1 : 0; });
  return count;
}

}  // namespace prefork::master
