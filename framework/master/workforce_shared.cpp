#include <algorithm>
#include <set>

#include "framework/master/activity_text.hpp"
#include "framework/master/workforce.hpp"

// What the workforce does with the shared objects: repair, watch, report.
namespace prefork::master {

namespace {

constexpr std::size_t kMaxWarnings = 8;
constexpr std::size_t kMaxHolders = 32;

std::string held_thing(ipc::SharedKind kind) {
  switch (kind) {
    case ipc::SharedKind::queue:
      return "a message is held";
    case ipc::SharedKind::semaphore:
      return "a permit is held";
    default:
      return "it is held";
  }
}

}  // namespace

// The worker is gone for certain, and nobody has its slot yet.
void Workforce::repair(const WorkerRecord& dead) {
  std::vector<SharedSet::Left> left;
  // Generations that are alive together share what they have in common, and it is repaired once.
  for (const Generation* generation : generations()) {
    const std::vector<SharedSet::Left> more = generation->objects.repair(dead.slot, bells());
    left.insert(left.end(), more.begin(), more.end());
  }
  // The dead may have taken a sleeper off its waiting set and not have woken it.
  table_.for_each([&](const WorkerRecord& worker) { bells().ring(worker.slot); });
  if (!left.empty()) log_.info(name(dead) + " left " + left_text(left) + ": freed");
}

const WorkerRecord* Workforce::holder(ipc::Owner owner) const {
  const WorkerRecord* found = nullptr;
  if (owner == ipc::kNobody || owner == ipc::kMasterOwner) return found;
  table_.for_each([&](const WorkerRecord& worker) {
    if (worker.slot == ipc::slot_of(owner)) found = &worker;
  });
  return found;
}

void Workforce::watch_holds(TimePoint now) {
  if (table_.empty()) return;
  for (const std::size_t index : holds_.due(now)) {
    const ipc::SharedObject& object = *current_->objects.objects()[index];
    warn_of_holds(object, holds_.sampled(index, object.holds(), now));
  }
}

// What the holder served when it took the word.
std::string Workforce::taken_for(const ipc::SharedObject& object, const ipc::Hold& hold,
                                 const WorkerRecord& worker) const {
  if (object.notes() == nullptr) return {};
  return activity_text(object.notes()->read(hold.index), pools_.at(worker.pool).services);
}

void Workforce::warn_of_holds(const ipc::SharedObject& object, const std::vector<HoldWatch::Overdue>& overdue) {
  const std::string title = shared_title(object.shape(), object.name());
  for (std::size_t i = 0; i < std::min(overdue.size(), kMaxWarnings); ++i) {
    const WorkerRecord* worker = holder(overdue[i].hold.owner);
    std::string line = title + ": " + held_thing(object.shape().kind) + " for " + format_duration(overdue[i].held) +
                       " by " + (worker == nullptr ? "nobody that is known" : name(*worker));
    const std::string request = worker == nullptr ? "" : taken_for(object, overdue[i].hold, *worker);
    if (!request.empty()) line += ", taken for " + escape_untrusted(request, 256);
    log_.warning(line);
  }
  if (overdue.size() > kMaxWarnings) {
    log_.warning(title + ": " + std::to_string(overdue.size() - kMaxWarnings) + " more are held too long");
  }
}

std::vector<SharedStatus> Workforce::report_shared() const {
  std::set<std::size_t> own;  // the framework's, which services know nothing of
  for (const ServiceShared& service : current_->shared.services) {
    if (service.request_times) own.insert(*service.request_times);
    if (service.responses) own.insert(*service.responses);
  }
  std::vector<SharedStatus> all;
  for (std::size_t i = 0; i < current_->objects.objects().size(); ++i) {
    if (own.contains(i)) continue;
    const auto& object = current_->objects.objects()[i];
    const ipc::SharedReport report = object->report();
    SharedStatus status;
    status.name = object->name();
    status.kind = ipc::kind_name(object->shape().kind);
    status.shape = ipc::shape_text(object->shape());
    status.bytes = object->bytes();
    status.fill = report.fill;
    status.limit = report.limit;
    status.waiters = report.waiters;
    for (const auto& [owner, count] : report.holders) {
      if (status.holders.size() == kMaxHolders) break;
      const WorkerRecord* worker = holder(owner);
      status.holders.push_back(
          {worker == nullptr ? "?" : pools_.at(worker->pool).name + "/" + std::to_string(worker->index), count});
    }
    status.more_holders = report.holders.size() - status.holders.size();
    status.repairs = object->repairs();
    status.losses = report.losses;
    all.push_back(std::move(status));
  }
  return all;
}

}  // namespace prefork::master
