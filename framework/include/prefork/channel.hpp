#pragma once

#include <chrono>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>

#include <prefork/api.hpp>
#include <prefork/queue.hpp>
#include <prefork/task.hpp>

namespace prefork {

/// One end of a duplex channel between two named workers, or between a worker and a pool: two queues, one in each
/// direction. `Manifest::channel` declares it and its ends, `Context::channel` returns this worker's end. Messages
/// outlive both ends: a worker's replacement gets what its predecessor had not acknowledged.
class PREFORK_API Channel {
 public:
  Channel(Queue& out, Queue& in) noexcept : out_(&out), in_(&in) {}

  [[nodiscard]] PutStatus send_nowait(std::string_view message) { return out_->put_nowait(message); }
  /// As Queue::put.
  Task<PutStatus> send(std::string_view message, PutOptions options = {}) { return out_->put(message, options); }
  template <std::same_as<std::string> S>
  Task<PutStatus> send(S&& message, PutOptions options = {}) {
    return out_->put(std::move(message), options);
  }
  [[nodiscard]] PutStatus send_blocking(std::string_view message, PutOptions options = {}) {
    return out_->put_blocking(message, options);
  }
  [[nodiscard]] Outcome<Message> receive_nowait() { return in_->get_nowait(); }
  Task<Outcome<Message>> receive(std::chrono::milliseconds timeout = kForever) { return in_->get(timeout); }
  [[nodiscard]] Outcome<Message> receive_blocking(std::chrono::milliseconds timeout = kForever) {
    return in_->get_blocking(timeout);
  }

 private:
  Queue* out_;
  Queue* in_;
};

}  // namespace prefork
