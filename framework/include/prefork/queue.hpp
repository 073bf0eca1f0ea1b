#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <prefork/api.hpp>
#include <prefork/forever.hpp>
#include <prefork/outcome.hpp>
#include <prefork/task.hpp>

namespace prefork {

enum class PutStatus : std::uint8_t {
  done,
  full,      ///< no room, or none within the time-out
  closed,    ///< the queue is closed
  draining,  ///< no room, and the worker drains; only of put_blocking() without a time-out
};

struct PutOptions {
  std::chrono::milliseconds timeout = kForever;        ///< how long to wait for room
  std::chrono::milliseconds expires_after = kForever;  ///< a message that nobody has taken by then is dropped and
                                                       ///< counted
};

class Queue;

/// A message that this worker has taken: nobody else gets it unless it is given back. The bytes are in the queue
/// itself. If the object is destroyed before the message was acknowledged or given back, the message is given back; if
/// the worker dies, it is delivered again, to another worker.
class PREFORK_API Message {
 public:
  Message(Message&& other) noexcept
      : queue_(std::exchange(other.queue_, nullptr)),
        bytes_(other.bytes_),
        sequence_(other.sequence_),
        deliveries_(other.deliveries_) {}
  Message& operator=(Message&& other) noexcept;
  ~Message() {
    if (queue_ != nullptr) nack();
  }

  /// Valid until the message is acknowledged or given back.
  std::string_view bytes() const noexcept { return bytes_; }
  /// How often it has been delivered, including this time: more than 1 after a death or a nack().
  unsigned deliveries() const noexcept { return deliveries_; }
  /// Its place in the queue's order.
  std::uint64_t sequence() const noexcept { return sequence_; }

  /// Acknowledges the message: it is done.
  void ack() noexcept;
  /// Gives the message back: it is delivered again, before all later ones; past `max_deliveries` it goes to the dead
  /// letters.
  void nack() noexcept;

 private:
  friend class Queue;
  Message() noexcept = default;

  Queue* queue_ = nullptr;
  std::string_view bytes_;
  std::uint64_t sequence_ = 0;
  unsigned deliveries_ = 0;
};

/// A bounded queue between workers, of this pool or any other: `Manifest::queue` declares it, `Context::queue` returns
/// it. First in, first out, except for redelivered messages; each message goes to one taker; delivered at least once.
/// Used in the worker's thread. A waiting call is a coroutine, or ends in `_blocking`, for a BlockingService.
/// docs/ipc.md
class PREFORK_API Queue {
 public:
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// @throws std::length_error: longer than `max_message_bytes()`; nothing has been put
  [[nodiscard]] PutStatus put_nowait(std::string_view message, std::chrono::milliseconds expires_after = kForever);
  /// `message` must stay valid until the coroutine has ended; a temporary std::string is kept until then.
  Task<PutStatus> put(std::string_view message, PutOptions options = {});
  template <std::same_as<std::string> S>
  Task<PutStatus> put(S&& message, PutOptions options = {}) {
    return put_owned(std::move(message), options);
  }
  [[nodiscard]] PutStatus put_blocking(std::string_view message, PutOptions options = {});

  /// Without a message: `nothing`, or `closed`.
  [[nodiscard]] Outcome<Message> get_nowait();
  /// Without a message: `timed_out`; `closed`, that is, closed and empty; or, without a time-out, `draining`.
  Task<Outcome<Message>> get(std::chrono::milliseconds timeout = kForever);
  [[nodiscard]] Outcome<Message> get_blocking(std::chrono::milliseconds timeout = kForever);

  /// How many messages wait. Approximate: other workers use the queue meanwhile.
  std::size_t size() const noexcept;
  bool empty() const noexcept { return size() == 0; }
  bool full() const noexcept;
  std::size_t capacity() const noexcept;
  std::size_t max_message_bytes() const noexcept;

  /// Closes the queue for all workers, until one reopens it: no more messages can be put, but those in it can be taken.
  void close() noexcept;
  void reopen() noexcept;
  bool closed() const noexcept;

 protected:
  Queue() = default;
  ~Queue() = default;

 private:
  Task<PutStatus> put_owned(std::string message, PutOptions options);
  Message message(const void* bytes, std::size_t length, std::uint64_t sequence, unsigned deliveries) noexcept;
};

/// A queue of one trivially copyable type.
///
///     TypedQueue<Job> jobs(context.queue("jobs"));
///     while (auto job = co_await jobs.get()) { work(job->value()); job->ack(); }
template <class T>
class TypedQueue {
  static_assert(std::is_trivially_copyable_v<T>, "other processes get the bytes of the value");

 public:
  class Item : public Message {
   public:
    explicit Item(Message message) noexcept : Message(std::move(message)) {}
    /// A copy. A message of another length than T's (put untyped) gives a zeroed T.
    T value() const noexcept {
      T value{};
      if (bytes().size() == sizeof(T)) std::memcpy(static_cast<void*>(&value), bytes().data(), sizeof(T));
      return value;
    }
  };

  explicit TypedQueue(Queue& queue) noexcept : queue_(queue) {}

  [[nodiscard]] PutStatus put_nowait(const T& value, std::chrono::milliseconds expires_after = kForever) {
    return queue_.put_nowait(bytes_of(value), expires_after);
  }
  Task<PutStatus> put(T value, PutOptions options = {}) { co_return co_await queue_.put(bytes_of(value), options); }
  [[nodiscard]] PutStatus put_blocking(const T& value, PutOptions options = {}) {
    return queue_.put_blocking(bytes_of(value), options);
  }
  [[nodiscard]] Outcome<Item> get_nowait() { return item(queue_.get_nowait()); }
  Task<Outcome<Item>> get(std::chrono::milliseconds timeout = kForever) {
    co_return item(co_await queue_.get(timeout));
  }
  [[nodiscard]] Outcome<Item> get_blocking(std::chrono::milliseconds timeout = kForever) {
    return item(queue_.get_blocking(timeout));
  }
  Queue& queue() const noexcept { return queue_; }

 private:
  static std::string_view bytes_of(const T& value) noexcept {
    return {reinterpret_cast<const char*>(&value), sizeof value};
  }
  static Outcome<Item> item(Outcome<Message> message) {
    if (!message) return message.reason();
    return Item(std::move(*message));
  }

  Queue& queue_;
};

}  // namespace prefork
