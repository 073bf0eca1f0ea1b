#include "framework/worker/shared/shared_queue.hpp"

#include "framework/worker/shared/duty_sleeper.hpp"

namespace prefork::worker {

SharedQueue::SharedQueue(SharedWaits& waits, const ipc::SharedObject& object, std::uint32_t max_deliveries)
    : waits_(waits),
      queue_(object.memory(), {object.shape().capacity, object.shape().message_bytes, object.shape().dead_letters},
             object.slots(), waits.self(), max_deliveries),
      notes_(object.notes()) {}

void SharedQueue::note(std::uint64_t sequence) const {
  if (notes_ != nullptr) notes_->write(sequence & (queue_.capacity() - 1), waits_.runtime().slot.activity());
}

std::uint64_t deadline_after(std::chrono::milliseconds timeout) noexcept {
  if (timeout == kForever) return ipc::kNoDeadline;
  const auto delay = static_cast<std::uint64_t>(std::max<std::int64_t>(timeout.count(), 0));
  return ipc::sleeper_clock_ns() + std::min<std::uint64_t>(delay, 1ULL << 40) * 1'000'000;
}

namespace {

SharedQueue& self(Queue& queue) noexcept { return static_cast<SharedQueue&>(queue); }
const SharedQueue& self(const Queue& queue) noexcept { return static_cast<const SharedQueue&>(queue); }

std::span<const std::byte> as_bytes(std::string_view text) noexcept { return std::as_bytes(std::span(text)); }

template <class Attempt>
ipc::WaitEnd wait_for(SharedQueue& queue, const ipc::WaitingSet& set, DutySleeper& sleeper,
                      std::chrono::milliseconds timeout, Attempt attempt) {
  return ipc::wait_for(set, queue.waits().self(), sleeper, deadline_after(timeout), attempt);
}

PutStatus status_of(ipc::PutResult result) noexcept {
  switch (result) {
    case ipc::PutResult::done:
      return PutStatus::done;
    case ipc::PutResult::full:
      return PutStatus::full;
    default:
      return PutStatus::closed;
  }
}

}  // namespace
}  // namespace prefork::worker

namespace prefork {

using worker::deadline_after;
using worker::self;

PutStatus Queue::put_nowait(std::string_view message, std::chrono::milliseconds expires_after) {
  return worker::status_of(self(*this).queue().try_put(worker::as_bytes(message), deadline_after(expires_after)));
}

Task<PutStatus> Queue::put(std::string_view message, PutOptions options) {
  auto& queue = self(*this).queue();
  const std::uint64_t deadline = deadline_after(options.expires_after);
  ipc::PutResult result = ipc::PutResult::full;
  co_await self(*this).waits().until(queue.putters(), {options.timeout}, [&] {
    result = queue.try_put(worker::as_bytes(message), deadline);
    return result != ipc::PutResult::full;
  });
  co_return worker::status_of(result);
}

Task<PutStatus> Queue::put_owned(std::string message, PutOptions options) {
  co_return co_await put(std::string_view(message), options);
}

PutStatus Queue::put_blocking(std::string_view message, PutOptions options) {
  auto& queue = self(*this).queue();
  worker::DutySleeper sleeper(self(*this).waits().runtime(), options.timeout);
  const std::uint64_t deadline = deadline_after(options.expires_after);
  ipc::PutResult result = ipc::PutResult::full;
  const auto end = worker::wait_for(self(*this), queue.putters(), sleeper, options.timeout, [&] {
    result = queue.try_put(worker::as_bytes(message), deadline);
    return result != ipc::PutResult::full;
  });
  return end == ipc::WaitEnd::interrupted ? PutStatus::draining : worker::status_of(result);
}

// Closed is asked first: what was put before the close is got before it is told.
Outcome<Message> Queue::get_nowait() {
  const bool was_closed = closed();
  const auto taken = self(*this).queue().try_get();
  if (!taken) return was_closed ? Reason::closed : Reason::nothing;
  return message(taken->bytes.data(), taken->bytes.size(), taken->sequence, taken->deliveries);
}

Task<Outcome<Message>> Queue::get(std::chrono::milliseconds timeout) {
  Outcome<Message> message = Reason::nothing;
  const auto end = co_await self(*this).waits().until(self(*this).queue().getters(), {timeout, true}, [&] {
    message = get_nowait();
    return message.reason() != Reason::nothing;
  });
  if (end != ipc::WaitEnd::done) co_return worker::reason_of(end);
  co_return std::move(message);
}

Outcome<Message> Queue::get_blocking(std::chrono::milliseconds timeout) {
  worker::DutySleeper sleeper(self(*this).waits().runtime(), timeout);
  Outcome<Message> message = Reason::nothing;
  const auto end = worker::wait_for(self(*this), self(*this).queue().getters(), sleeper, timeout, [&] {
    message = get_nowait();
    return message.reason() != Reason::nothing;
  });
  if (end != ipc::WaitEnd::done) return worker::reason_of(end);
  return message;
}

std::size_t Queue::size() const noexcept { return self(*this).queue().size(); }
bool Queue::full() const noexcept { return self(*this).queue().full(); }
std::size_t Queue::capacity() const noexcept { return self(*this).queue().capacity(); }
std::size_t Queue::max_message_bytes() const noexcept { return self(*this).queue().max_message_bytes(); }
void Queue::close() noexcept { self(*this).queue().close(); }
void Queue::reopen() noexcept { self(*this).queue().reopen(); }
bool Queue::closed() const noexcept { return self(*this).queue().closed(); }

Message Queue::message(const void* bytes, std::size_t length, std::uint64_t sequence, unsigned deliveries) noexcept {
  Message message;
  self(*this).note(sequence);
  message.queue_ = this;
  message.bytes_ = {static_cast<const char*>(bytes), length};
  message.sequence_ = sequence;
  message.deliveries_ = deliveries;
  return message;
}

Message& Message::operator=(Message&& other) noexcept {
  if (this != &other) {
    if (queue_ != nullptr) nack();
    queue_ = std::exchange(other.queue_, nullptr);
    bytes_ = other.bytes_;
    sequence_ = other.sequence_;
    deliveries_ = other.deliveries_;
  }
  return *this;
}

void Message::ack() noexcept {
  if (queue_ != nullptr) self(*std::exchange(queue_, nullptr)).queue().ack(sequence_);
}
void Message::nack() noexcept {
  if (queue_ != nullptr) self(*std::exchange(queue_, nullptr)).queue().nack(sequence_);
}

}  // namespace prefork
