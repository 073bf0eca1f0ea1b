#pragma once

#include "framework/worker/shared/shared_waits.hpp"
#include "ipc/objects/message_queue.hpp"
#include "ipc/objects/shared_object.hpp"

#include <prefork/queue.hpp>

namespace prefork::worker {

/// A queue as a service sees it.
class SharedQueue final : public Queue {
 public:
  SharedQueue(SharedWaits& waits, const ipc::SharedObject& object, std::uint32_t max_deliveries);

  ipc::MessageQueue& queue() noexcept { return queue_; }
  const ipc::MessageQueue& queue() const noexcept { return queue_; }
  SharedWaits& waits() const noexcept { return waits_; }
  /// Notes what the worker serves, if messages held too long are to be reported.
  void note(std::uint64_t sequence) const;

 private:
  SharedWaits& waits_;
  ipc::MessageQueue queue_;
  const ipc::HoldNotes* notes_;
};

/// The deadline of a time-out that starts now.
std::uint64_t deadline_after(std::chrono::milliseconds timeout) noexcept;

}  // namespace prefork::worker
