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

PutStatus Queue::put_blocking(std::string_view message, PutOptions options) {
  worker::DutySleeper sleeper(self(*this).waits().runtime(), options.timeout);
  return worker::status_of(self(*this).queue().put(worker::as_bytes(message), sleeper, deadline_after(options.timeout),
                                                   deadline_after(options.expires_after)));
}

std::optional<Message> Queue::get_nowait() {
  const auto taken = self(*this).queue().try_get();
  if (!taken) return std::nullopt;
  return message(taken->bytes.data(), taken->bytes.size(), taken->sequence, taken->deliveries);
}

Task<std::optional<Message>> Queue::get(std::chrono::milliseconds timeout) {
  std::optional<Message> message;
  co_await self(*this).waits().until(self(*this).queue().getters(), {timeout, true}, [&] {
    message = get_nowait();
    return message.has_value() || closed();
  });
  co_return message;
}

std::optional<Message> Queue::get_blocking(std::chrono::milliseconds timeout) {
  worker::DutySleeper sleeper(self(*this).waits().runtime(), timeout);
  const auto taken = self(*this).queue().get(sleeper, deadline_after(timeout));
  if (!taken) return std::nullopt;
  return message(taken->bytes.data(), taken->bytes.size(), taken->sequence, taken->deliveries);
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
