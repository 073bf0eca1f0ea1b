#pragma once

#include "framework/worker/shared/shared_waits.hpp"
#include "ipc/objects/barrier.hpp"
#include "ipc/objects/event.hpp"
#include "ipc/objects/semaphore.hpp"
#include "ipc/objects/shared_object.hpp"

#include <prefork/event.hpp>
#include <prefork/semaphore.hpp>

namespace prefork::worker {

/// Semaphores, mutexes, events and barriers as a service sees them.
class SharedSemaphore final : public Semaphore {
 public:
  SharedSemaphore(SharedWaits& waits, const ipc::SharedObject& object);
  ipc::Semaphore& semaphore() noexcept { return semaphore_; }
  const ipc::Semaphore& semaphore() const noexcept { return semaphore_; }
  SharedWaits& waits() const noexcept { return waits_; }
  /// Notes what the worker serves, if permits held too long are to be reported.
  void note(std::uint32_t index) const;

 private:
  SharedWaits& waits_;
  ipc::Semaphore semaphore_;
  const ipc::HoldNotes* notes_;
};

class SharedEvent final : public Event {
 public:
  SharedEvent(SharedWaits& waits, const ipc::SharedObject& object);
  ipc::Event& event() noexcept { return event_; }
  const ipc::Event& event() const noexcept { return event_; }
  SharedWaits& waits() const noexcept { return waits_; }

 private:
  SharedWaits& waits_;
  ipc::Event event_;
};

class SharedBarrier final : public Barrier {
 public:
  SharedBarrier(SharedWaits& waits, const ipc::SharedObject& object);
  ipc::Barrier& barrier() noexcept { return barrier_; }
  const ipc::Barrier& barrier() const noexcept { return barrier_; }
  SharedWaits& waits() const noexcept { return waits_; }

 private:
  SharedWaits& waits_;
  ipc::Barrier barrier_;
};

}  // namespace prefork::worker
