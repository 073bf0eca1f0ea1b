#pragma once

#include <memory>

#include "framework/worker/shared/shared_waits.hpp"
#include "ipc/objects/shared_object.hpp"
#include "ipc/objects/topic.hpp"

#include <prefork/topic.hpp>

namespace prefork {

/// A cursor and room for one message.
class Subscription::Impl {
 public:
  Impl(worker::SharedWaits& waits, const ipc::Topic& topic, std::size_t history);

  Outcome<Publication> poll();
  /// Gives up on a publisher that has not moved for a second in the middle of the next message.
  bool pass_over();
  worker::SharedWaits& waits() const noexcept { return waits_; }
  ipc::WaitingSet waiting() const noexcept { return topic_.waiting(); }

 private:
  worker::SharedWaits& waits_;
  ipc::Topic topic_;
  ipc::Topic::Cursor cursor_;
  std::unique_ptr<std::byte[]> buffer_;
  // The position at which nothing was found, and since when.
  std::uint64_t idle_at_ = 0;
  std::uint64_t idle_since_ns_ = 0;
};

}  // namespace prefork

namespace prefork::worker {

/// A topic as a service sees it.
class SharedTopic final : public Topic {
 public:
  SharedTopic(SharedWaits& waits, const ipc::SharedObject& object);
  const ipc::Topic& topic() const noexcept { return topic_; }
  SharedWaits& waits() const noexcept { return waits_; }

 private:
  SharedWaits& waits_;
  ipc::Topic topic_;
};

}  // namespace prefork::worker
