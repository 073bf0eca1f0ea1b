#include <algorithm>
#include <set>
#include <utility>

#include "framework/master/loop/slice.hpp"
#include "framework/master/report/activity_text.hpp"
#include "framework/master/workforce/workforce.hpp"

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

// Generations that are alive together share what they have in common, and it is repaired once.
SharedWalk::Objects Workforce::all_objects() const {
  SharedWalk::Objects all;
  for (const Generation* generation : generations()) {
    for (const auto& object : generation->objects.objects()) {
      if (std::find(all.begin(), all.end(), object) == all.end()) all.push_back(object);
    }
  }
  return all;
}

Repairs::Hooks Workforce::repair_hooks() {
  const auto wake = [this](const SharedWalk::Objects& objects) {
    for (const auto& object : objects) object->wake_all(bells());
    // The dead may have taken a sleeper off its waiting set and not have woken it.
    table_.for_each([&](const WorkerRecord& worker) { bells().ring(worker.slot); });
  };
  return {[this] { return all_objects(); }, wake, [this](const Repairs::Round& round) { repaired(round); }};
}

// The workers are gone for certain, and nobody has had their slots since.
void Workforce::repaired(const Repairs::Round& round) {
  for (const Repairs::Dead& dead : round.dead) table_.free(dead.slot);
  if (round.left.empty()) return;
  const std::size_t others = round.dead.size() - 1;
  log_.info(round.dead.front().name + (others > 0 ? " and " + std::to_string(others) + " more" : "") + " left " +
            round.left + ": freed");
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
  if (!hold_sample_) {
    HoldSample sample{holds_.due(now), {}, {}};
    if (sample.objects.empty()) return;
    SharedWalk::Objects objects;
    for (const std::size_t index : sample.objects) objects.push_back(current_->objects.objects()[index]);
    sample.walk = SharedWalk(std::move(objects));
    hold_sample_ = std::move(sample);
  }
  SharedWalk& walk = hold_sample_->walk;
  for (const Slice slice; !walk.ended() && !slice.over();) {
    const std::size_t index = walk.object();
    std::vector<ipc::Hold> holds;
    const bool last = walk.step([&](ipc::SharedObject& object, ipc::Spots piece) { holds = object.holds(piece); });
    const auto more = holds_.sampled(hold_sample_->objects[index], holds, now, last);
    hold_sample_->overdue.insert(hold_sample_->overdue.end(), more.begin(), more.end());
    if (last) warn_of_holds(*walk.objects()[index], std::exchange(hold_sample_->overdue, {}));
  }
  if (walk.ended()) hold_sample_.reset();
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

SharedWalk::Objects Workforce::objects_to_report() const {
  std::set<std::size_t> own;  // the framework's, which services know nothing of
  for (const ServiceShared& service : current_->shared.services) {
    if (service.request_times) own.insert(*service.request_times);
    if (service.responses) own.insert(*service.responses);
  }
  SharedWalk::Objects objects;
  for (std::size_t i = 0; i < current_->objects.objects().size(); ++i) {
    if (!own.contains(i)) objects.push_back(current_->objects.objects()[i]);
  }
  return objects;
}

SharedStatus Workforce::describe(const ipc::SharedObject& object, const ipc::SharedReport& report) const {
  SharedStatus status;
  status.name = object.name();
  status.kind = ipc::kind_name(object.shape().kind);
  status.shape = ipc::shape_text(object.shape());
  status.bytes = object.bytes();
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
  status.repairs = object.repairs();
  status.losses = report.losses;
  return status;
}

}  // namespace prefork::master
