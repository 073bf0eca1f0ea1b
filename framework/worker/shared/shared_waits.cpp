#include "framework/worker/shared/shared_waits.hpp"

#include <algorithm>
#include <utility>

#include "framework/worker/service/runtime.hpp"

namespace prefork::worker {

SharedWaits::SharedWaits(Runtime& runtime, ipc::Party self) : runtime_(runtime), self_(self) {}

SharedWaits::~SharedWaits() { runtime_.loop.forget(*this); }

SharedWaits::Group& SharedWaits::group(const ipc::WaitingSet& set) {
  const auto known = std::find_if(groups_.begin(), groups_.end(), [&](const auto& group) { return group->set == set; });
  if (known != groups_.end()) return **known;
  groups_.push_back(std::make_unique<Group>());
  groups_.back()->set = set;
  return *groups_.back();
}

void SharedWaits::on_bell() {
  const std::size_t slot = ipc::slot_of(self_.owner);
  for (const auto& group : groups_) {
    if (!group->sleeping.empty() && !group->set.announced(slot)) rouse(*group);
  }
}

void SharedWaits::recheck() {
  for (const auto& group : groups_) rouse(*group);
}

void SharedWaits::on_drain() {
  for (const auto& group : groups_) {
    group->sleeping.for_each([&](Waiter& waiter) {
      if (waiter.ends_with_drain_) rouse(waiter);
    });
  }
}

void SharedWaits::rouse(Group& group) {
  group.sleeping.for_each([&](Waiter& waiter) { rouse(waiter); });
}

void SharedWaits::rouse(Waiter& waiter) {
  ready_.push_back(waiter);
  runtime_.loop.defer(*this);
}

// Oldest first; a waiter whose retry fails keeps its place. A resumed coroutine may destroy other waiters.
void SharedWaits::run_deferred() {
  while (Waiter* waiter = ready_.front()) {
    waiter->unlink();
    if (!waiter->awaiting_) continue;
    const ipc::Activity& served = waiter->activity_;
    runtime_.loop.begin_work();
    runtime_.slot.begin_activity(served.kind, served.service, served.since_ns, served.text);
    std::exchange(waiter->awaiting_, {}).resume();
  }
}

SharedWaits::Waiter::Waiter(SharedWaits& waits, const ipc::WaitingSet& set, WaitLimits limits)
    : waits_(waits),
      group_(waits.group(set)),
      age_(waits.waits_begun_++),
      activity_(waits.runtime_.slot.activity()),
      ends_with_drain_(limits.ends_with_drain && limits.timeout == kForever),
      timed_out_(limits.timeout.count() <= 0) {
  ++group_.members;
  if (limits.timeout == kForever || timed_out_) return;
  auto& loop = waits_.runtime_.loop;
  loop.timers().arm(*this, loop.tick_after(static_cast<std::uint64_t>(limits.timeout.count())));
}

// A waiter that was chosen and leaves must not keep the wake-up from others. The other waiters of this worker hear the
// bell.
SharedWaits::Waiter::~Waiter() {
  unlink();
  if (--group_.members > 0) return;
  const std::size_t slot = ipc::slot_of(waits_.self_.owner);
  if (!group_.set.retract(slot)) group_.set.wake_one(*waits_.self_.bells, slot);
}

void SharedWaits::Waiter::announce() noexcept {
  interrupted_ = ends_with_drain_ && waits_.runtime_.drain != DrainMode::none;
  const bool others = !group_.sleeping.empty();
  group_.sleeping.insert(*this, [](const Waiter& a, const Waiter& b) { return a.age_ < b.age_; });
  // The announcement of the other waiters was spent on waking this worker, which has not heard the bell yet and would
  // take the new announcement for theirs.
  if (group_.set.announce(ipc::slot_of(waits_.self_.owner)) && others) waits_.rouse(group_);
}

void SharedWaits::Waiter::on_timer() {
  timed_out_ = true;
  waits_.rouse(*this);
}

}  // namespace prefork::worker
