#include "framework/worker/shared/shared_sync.hpp"

#include "framework/worker/shared/duty_sleeper.hpp"
#include "framework/worker/shared/shared_queue.hpp"

namespace prefork::worker {

SharedSemaphore::SharedSemaphore(SharedWaits& waits, const ipc::SharedObject& object)
    : waits_(waits),
      semaphore_(object.memory(), {object.shape().kind == ipc::SharedKind::mutex ? 1 : object.shape().capacity},
                 object.slots(), waits.self()),
      notes_(object.notes()) {}

void SharedSemaphore::note(std::uint32_t index) const {
  if (notes_ != nullptr) notes_->write(index, waits_.runtime().slot.activity());
}

SharedEvent::SharedEvent(SharedWaits& waits, const ipc::SharedObject& object)
    : waits_(waits), event_(object.memory(), {}, object.slots(), waits.self()) {}

SharedBarrier::SharedBarrier(SharedWaits& waits, const ipc::SharedObject& object)
    : waits_(waits), barrier_(object.memory(), {object.shape().capacity}, object.slots(), waits.self()) {}

namespace {

SharedSemaphore& self(Semaphore& semaphore) noexcept { return static_cast<SharedSemaphore&>(semaphore); }
const SharedSemaphore& self(const Semaphore& semaphore) noexcept {
  return static_cast<const SharedSemaphore&>(semaphore);
}
SharedEvent& self(Event& event) noexcept { return static_cast<SharedEvent&>(event); }
const SharedEvent& self(const Event& event) noexcept { return static_cast<const SharedEvent&>(event); }
SharedBarrier& self(Barrier& barrier) noexcept { return static_cast<SharedBarrier&>(barrier); }
const SharedBarrier& self(const Barrier& barrier) noexcept { return static_cast<const SharedBarrier&>(barrier); }

/// One party's wait at a barrier. If it is destroyed before the barrier has passed it withdraws the arrival.
class BarrierWait {
 public:
  explicit BarrierWait(ipc::Barrier& barrier) noexcept : barrier_(barrier) {}
  BarrierWait(const BarrierWait&) = delete;
  BarrierWait& operator=(const BarrierWait&) = delete;
  ~BarrierWait() { finish(); }

  bool attempt() noexcept {
    if (!arrival_) arrival_ = barrier_.arrive();
    passed_ = arrival_ && barrier_.passed(*arrival_);
    return passed_;
  }
  /// @return whether it has passed
  bool finish() noexcept {
    if (arrival_ && !passed_) passed_ = !barrier_.give_up(*arrival_);
    arrival_.reset();
    return passed_;
  }

 private:
  ipc::Barrier& barrier_;
  std::optional<ipc::Barrier::Arrival> arrival_;
  bool passed_ = false;
};

}  // namespace
}  // namespace prefork::worker

namespace prefork {

using worker::self;

Permit Semaphore::permit(std::uint32_t index, std::uint64_t word, bool owner_died) noexcept {
  self(*this).note(index);
  Permit permit;
  permit.semaphore_ = this;
  permit.word_ = word;
  permit.index_ = index;
  permit.owner_died_ = owner_died;
  return permit;
}

Outcome<Permit> Semaphore::acquire_nowait() noexcept {
  const auto got = self(*this).semaphore().try_acquire();
  if (!got) return Reason::nothing;
  return permit(got->index, got->word, got->owner_died);
}

Task<Outcome<Permit>> Semaphore::acquire(std::chrono::milliseconds timeout) {
  Outcome<Permit> permit = Reason::nothing;
  const auto end = co_await self(*this).waits().until(self(*this).semaphore().waiting(), {timeout}, [&] {
    permit = acquire_nowait();
    return permit.has_value();
  });
  if (end != ipc::WaitEnd::done) co_return worker::reason_of(end);
  co_return std::move(permit);
}

Outcome<Permit> Semaphore::acquire_blocking(std::chrono::milliseconds timeout) {
  auto& waits = self(*this).waits();
  worker::DutySleeper sleeper(waits.runtime(), timeout);
  Outcome<Permit> permit = Reason::nothing;
  const auto end =
      ipc::wait_for(self(*this).semaphore().waiting(), waits.self(), sleeper, worker::deadline_after(timeout), [&] {
        permit = acquire_nowait();
        return permit.has_value();
      });
  if (end != ipc::WaitEnd::done) return worker::reason_of(end);
  return permit;
}

std::size_t Semaphore::value() const noexcept { return self(*this).semaphore().value(); }
std::size_t Semaphore::permits() const noexcept { return self(*this).semaphore().permits(); }

Permit& Permit::operator=(Permit&& other) noexcept {
  if (this != &other) {
    release();
    semaphore_ = std::exchange(other.semaphore_, nullptr);
    word_ = other.word_;
    index_ = other.index_;
    owner_died_ = other.owner_died_;
  }
  return *this;
}

void Permit::release() noexcept {
  if (semaphore_ == nullptr) return;
  self(*std::exchange(semaphore_, nullptr)).semaphore().release({index_, word_, owner_died_});
}

bool Event::set() noexcept { return self(*this).event().set(); }
bool Event::clear() noexcept { return self(*this).event().clear(); }
bool Event::is_set() const noexcept { return self(*this).event().is_set(); }

Task<Outcome<void>> Event::wait(std::chrono::milliseconds timeout) {
  auto& event = self(*this).event();
  const std::uint64_t times = event.times_set();
  const auto end = co_await self(*this).waits().until(event.waiting(), {timeout, true},
                                                      [&event, times] { return event.set_since(times); });
  co_return worker::reason_of(end);
}

Outcome<void> Event::wait_blocking(std::chrono::milliseconds timeout) {
  auto& event = self(*this).event();
  auto& waits = self(*this).waits();
  worker::DutySleeper sleeper(waits.runtime(), timeout);
  const std::uint64_t times = event.times_set();
  return worker::reason_of(ipc::wait_for(event.waiting(), waits.self(), sleeper, worker::deadline_after(timeout),
                                         [&] { return event.set_since(times); }));
}

Task<Outcome<void>> Barrier::wait(std::chrono::milliseconds timeout) {
  worker::BarrierWait wait(self(*this).barrier());
  const auto end = co_await self(*this).waits().until(self(*this).barrier().waiting(), {timeout, true},
                                                      [&wait] { return wait.attempt(); });
  co_return wait.finish() ? Reason::done : worker::reason_of(end);
}

Outcome<void> Barrier::wait_blocking(std::chrono::milliseconds timeout) {
  auto& waits = self(*this).waits();
  worker::DutySleeper sleeper(waits.runtime(), timeout);
  worker::BarrierWait wait(self(*this).barrier());
  const auto end = ipc::wait_for(self(*this).barrier().waiting(), waits.self(), sleeper,
                                 worker::deadline_after(timeout), [&wait] { return wait.attempt(); });
  return wait.finish() ? Reason::done : worker::reason_of(end);
}

std::size_t Barrier::parties() const noexcept { return self(*this).barrier().shape().parties; }
std::size_t Barrier::arrived() const noexcept { return self(*this).barrier().arrived(); }

}  // namespace prefork
