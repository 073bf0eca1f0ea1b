#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <prefork/api.hpp>
#include <prefork/queue.hpp>
#include <prefork/task.hpp>

namespace prefork {

class Topic;

/// What a subscriber is told.
struct Publication {
  std::string_view bytes;  ///< good until the subscription is asked again; empty where `lost` is not zero
  std::uint64_t lost = 0;  ///< so many messages were overwritten before this subscriber came to them
};

/// One subscriber's place in a topic. Belongs to this worker: a worker that dies takes its subscriptions
/// along.
class PREFORK_API Subscription {
 public:
  class Impl;
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;
  ~Subscription();

  /// The next message, or how many were lost. @return nullopt: nothing new
  std::optional<Publication> next_nowait();
  /// @return nullopt: the time is over, or, without a time-out, the worker drains
  Task<std::optional<Publication>> next(std::chrono::milliseconds timeout = kForever);
  std::optional<Publication> next_blocking(std::chrono::milliseconds timeout = kForever);

 private:
  friend class Topic;
  explicit Subscription(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// Messages for everyone who has subscribed, in whatever worker and pool: `Manifest::topic` declares it,
/// `Context::topic` gives it. All see the same order. A publisher never waits: a subscriber that is slower
/// than the ring is long is told how many messages it has lost. docs/ipc.md
class PREFORK_API Topic {
 public:
  Topic(const Topic&) = delete;
  Topic& operator=(const Topic&) = delete;

  /// @return false: every place in the ring is held by a publisher that is stopped
  /// @throws std::length_error: longer than `max_message_bytes()`; nothing has been published
  bool publish(std::string_view message);
  /// From now on; with the last `history` messages first, as far as they are still there.
  Subscription subscribe(std::size_t history = 0);

  std::size_t capacity() const noexcept;
  std::size_t max_message_bytes() const noexcept;

 protected:
  Topic() = default;
  ~Topic() = default;
};

}  // namespace prefork
