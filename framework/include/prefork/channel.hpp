#pragma once

#include <chrono>
#include <optional>
#include <string_view>

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

  PutStatus send_nowait(std::string_view message) { return out_->put_nowait(message); }
  /// `message` must stay valid until the coroutine has ended.
  Task<PutStatus> send(std::string_view message, PutOptions options = {}) { return out_->put(message, options); }
  PutStatus send_blocking(std::string_view message, PutOptions options = {}) {
    return out_->put_blocking(message, options);
  }
  std::optional<Message> receive_nowait() { return in_->get_nowait(); }
  Task<std::optional<Message>> receive(std::chrono::milliseconds timeout = kForever) { return in_->get(timeout); }
  std::optional<Message> receive_blocking(std::chrono::milliseconds timeout = kForever) {
    return in_->get_blocking(timeout);
  }

 private:
  Queue* out_;
  Queue* in_;
};

}  // namespace prefork
