#include "framework/master/workforce/shared_care.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "framework/base/units.hpp"
#include "framework/base/visible.hpp"
#include "framework/master/loop/slice.hpp"
#include "framework/master/report/activity_text.hpp"

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

SharedCare::SharedCare(Crew& crew, const ipc::Bells& bells, Log& log)
    : crew_(crew), bells_(bells), log_(log), repairs_(repair_hooks()), holds_(hold_limits(crew.current->shared)) {}

// Living generations share what they have in common, and it is repaired once.
Repairs::Hooks SharedCare::repair_hooks() {
  const auto wake = [this](const SharedWalk::Objects& objects) {
    for (const auto& object : objects) object->wake_all(bells_);
    // The dead worker may have taken a sleeper off its waiting set without waking it.
    crew_.workers.for_each([&](const WorkerRecord& worker) { bells_.ring(worker.slot); });
  };
  return {[this] { return crew_.objects(); }, wake, [this](const Repairs::Round& round) { repaired(round); }};
}

// The workers are certainly gone, and nobody has had their slots since.
void SharedCare::repaired(const Repairs::Round& round) {
  for (const Repairs::Dead& dead : round.dead) crew_.workers.free(dead.slot);
  if (round.left.empty()) return;
  const std::size_t others = round.dead.size() - 1;
  log_.info(round.dead.front().name + (others > 0 ? " and " + std::to_string(others) + " more" : "") + " left " +
            round.left + ": freed");
}

void SharedCare::generation_changed() {
  holds_ = HoldWatch(hold_limits(crew_.current->shared));
  sample_.reset();
}

/// @return false: nothing is due
bool SharedCare::begin_sample(TimePoint now) {
  HoldSample sample{holds_.due(now), {}, {}};
  if (sample.objects.empty()) return false;
  SharedWalk::Objects objects;
  for (const std::size_t index : sample.objects) objects.push_back(crew_.current->objects.objects()[index]);
  sample.walk = SharedWalk(std::move(objects));
  sample_ = std::move(sample);
  return true;
}

void SharedCare::watch_holds(TimePoint now) {
  if (crew_.workers.empty()) return;
  if (!sample_ && !begin_sample(now)) return;
  SharedWalk& walk = sample_->walk;
  for (const Slice slice; !walk.ended() && !slice.over();) {
    const std::size_t index = walk.object();
    std::vector<ipc::Hold> holds;
    const bool last = walk.step([&](ipc::SharedObject& object, ipc::Spots piece) { holds = object.holds(piece); });
    const auto more = holds_.sampled(sample_->objects[index], holds, now, last);
    sample_->overdue.insert(sample_->overdue.end(), more.begin(), more.end());
    if (last) warn_of_holds(*walk.objects()[index], std::exchange(sample_->overdue, {}));
  }
  if (walk.ended()) sample_.reset();
}

std::optional<TimePoint> SharedCare::next_deadline(TimePoint now) const {
  if (repairs_.pending() || sample_) return now;
  return crew_.workers.empty() ? std::nullopt : holds_.next();
}

void SharedCare::warn_of_holds(const ipc::SharedObject& object, const std::vector<HoldWatch::Overdue>& overdue) {
  for (std::size_t i = 0; i < std::min(overdue.size(), kMaxWarnings); ++i) {
    log_.warning(overdue_text(object, overdue[i]));
  }
  if (overdue.size() > kMaxWarnings) {
    log_.warning(shared_title(object.shape(), object.name()) + ": " + std::to_string(overdue.size() - kMaxWarnings) +
                 " more are held too long");
  }
}

std::string SharedCare::overdue_text(const ipc::SharedObject& object, const HoldWatch::Overdue& overdue) const {
  const WorkerRecord* worker = crew_.holder(overdue.hold.owner);
  const std::string text = shared_title(object.shape(), object.name()) + ": " + held_thing(object.shape().kind) +
                           " for " + base::duration_words(overdue.held) + " by " +
                           (worker == nullptr ? "an unknown holder" : crew_.name(*worker));
  if (worker == nullptr || object.notes() == nullptr) return text;
  // What the holder served when it took the word.
  const auto request = activity_text(object.notes()->read(overdue.hold.index), crew_.pool_of(*worker).services);
  return request.empty() ? text : text + ", taken for " + base::escape_untrusted(request, 256);
}

SharedWalk::Objects SharedCare::objects_to_report() const {
  const Generation& current = *crew_.current;
  std::set<std::size_t> own;  // the framework's own, which services do not know
  for (const ServiceShared& service : current.shared.services) {
    if (service.request_times) own.insert(*service.request_times);
    if (service.responses) own.insert(*service.responses);
  }
  SharedWalk::Objects objects;
  for (std::size_t i = 0; i < current.objects.objects().size(); ++i) {
    if (!own.contains(i)) objects.push_back(current.objects.objects()[i]);
  }
  return objects;
}

SharedStatus SharedCare::describe(const ipc::SharedObject& object, const ipc::SharedReport& report) const {
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
    const WorkerRecord* worker = crew_.holder(owner);
    status.holders.push_back({worker == nullptr ? "?" : crew_.short_name(*worker), count});
  }
  status.more_holders = report.holders.size() - status.holders.size();
  status.repairs = object.repairs();
  status.losses = report.losses;
  return status;
}

}  // namespace prefork::master
