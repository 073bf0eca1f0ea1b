#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include <prefork/api.hpp>
#include <prefork/forever.hpp>
#include <prefork/outcome.hpp>
#include <prefork/task.hpp>

namespace prefork {

class Topic;

/// What a subscriber receives.
struct Publication {
  std::string_view bytes;  ///< valid until the subscription is used again; empty if `lost` is not zero
  std::uint64_t lost = 0;  ///< how many messages were overwritten before this subscriber reached them
};

/// One subscriber's position in a topic. Belongs to this worker: when the worker dies its subscriptions end.
class PREFORK_API Subscription {
 public:
  class Impl;
  Subscription(Subscription&&) noexcept;
  Subscription& operator=(Subscription&&) noexcept;
  ~Subscription();

  /// The next message, or how many were lost. Without either: `nothing`.
  [[nodiscard]] Outcome<Publication> next_nowait();
  /// Without a message: `timed_out` or, without a time-out, `draining`.
  Task<Outcome<Publication>> next(std::chrono::milliseconds timeout = kForever);
  [[nodiscard]] Outcome<Publication> next_blocking(std::chrono::milliseconds timeout = kForever);

 private:
  friend class Topic;
  explicit Subscription(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

/// Messages for every subscriber, in any worker and pool: `Manifest::topic` declares it, `Context::topic` returns it.
/// All subscribers see the same order. A publisher never waits: a subscriber that falls behind by more than the ring's
/// length is told how many messages it has lost. docs/ipc.md
class PREFORK_API Topic {
 public:
  Topic(const Topic&) = delete;
  Topic& operator=(const Topic&) = delete;

  /// @return false: stopped publishers hold every place in the ring
  /// @throws std::length_error: longer than `max_message_bytes()`; nothing has been published
  [[nodiscard]] bool publish(std::string_view message);
  /// Subscribes from now on; delivers the last `history` messages first, as far as they are still there.
  Subscription subscribe(std::size_t history = 0);

  std::size_t capacity() const noexcept;
  std::size_t max_message_bytes() const noexcept;

 protected:
  Topic() = default;
  ~Topic() = default;
};

}  // namespace prefork
