#include "framework/worker/shared/shared_topic.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "framework/worker/shared/duty_sleeper.hpp"
#include "framework/worker/shared/shared_queue.hpp"

namespace prefork::worker {

SharedTopic::SharedTopic(SharedWaits& waits, const ipc::SharedObject& object)
    : waits_(waits),
      topic_(object.memory(), {object.shape().capacity, object.shape().message_bytes}, object.slots(), waits.self()) {}

namespace {
constexpr std::uint64_t kPublishersPatienceNs = 1'000'000'000;
const SharedTopic& self(const Topic& topic) noexcept { return static_cast<const SharedTopic&>(topic); }
}  // namespace

}  // namespace prefork::worker

namespace prefork {

using worker::kPublishersPatienceNs;
using worker::self;

Subscription::Impl::Impl(worker::SharedWaits& waits, const ipc::Topic& topic, std::size_t history)
    : waits_(waits),
      topic_(topic),
      cursor_(topic.join(history)),
      buffer_(std::make_unique<std::byte[]>(topic.shape().message_bytes)) {}

// A waiter is woken by later messages, and once a second in any case: so it knows how long it has waited.
bool Subscription::Impl::pass_over() {
  const std::uint64_t now = ipc::sleeper_clock_ns();
  if (idle_at_ != cursor_.next || idle_since_ns_ == 0) {
    idle_at_ = cursor_.next;
    idle_since_ns_ = now;
    return false;
  }
  return now - idle_since_ns_ >= kPublishersPatienceNs && topic_.pass_over(cursor_);
}

Outcome<Publication> Subscription::Impl::poll() {
  const std::span<std::byte> buffer(buffer_.get(), topic_.shape().message_bytes);
  auto polled = topic_.poll(cursor_, buffer);
  if (polled.what == ipc::Topic::Polled::none && pass_over()) polled = topic_.poll(cursor_, buffer);
  if (polled.what == ipc::Topic::Polled::none) return Reason::nothing;
  if (polled.what == ipc::Topic::Polled::lost) return Publication{{}, polled.lost};
  return Publication{{reinterpret_cast<const char*>(buffer_.get()), polled.bytes}, 0};
}

Subscription::Subscription(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Subscription::Subscription(Subscription&&) noexcept = default;
Subscription& Subscription::operator=(Subscription&&) noexcept = default;
Subscription::~Subscription() = default;

Outcome<Publication> Subscription::next_nowait() { return impl_->poll(); }

Task<Outcome<Publication>> Subscription::next(std::chrono::milliseconds timeout) {
  Impl& impl = *impl_;
  Outcome<Publication> publication = Reason::nothing;
  const auto end = co_await impl.waits().until(impl.waiting(), {timeout, true}, [&] {
    publication = impl.poll();
    return publication.has_value();
  });
  if (end != ipc::WaitEnd::done) co_return worker::reason_of(end);
  co_return publication;
}

Outcome<Publication> Subscription::next_blocking(std::chrono::milliseconds timeout) {
  worker::DutySleeper sleeper(impl_->waits().runtime(), timeout);
  Outcome<Publication> publication = Reason::nothing;
  const auto end =
      ipc::wait_for(impl_->waiting(), impl_->waits().self(), sleeper, worker::deadline_after(timeout), [&] {
        publication = impl_->poll();
        return publication.has_value();
      });
  if (end != ipc::WaitEnd::done) return worker::reason_of(end);
  return publication;
}

bool Topic::publish(std::string_view message) {
  const ipc::Topic& topic = self(*this).topic();
  const auto published = topic.publish(std::as_bytes(std::span(message)));
  if (published == ipc::Topic::Published::too_long) {
    throw std::length_error("a message of " + std::to_string(message.size()) +
                            " bytes is longer than the topic takes (" + std::to_string(topic.shape().message_bytes) +
                            " bytes)");
  }
  return published == ipc::Topic::Published::done;
}

Subscription Topic::subscribe(std::size_t history) {
  return Subscription(std::make_unique<Subscription::Impl>(self(*this).waits(), self(*this).topic(), history));
}

std::size_t Topic::capacity() const noexcept { return self(*this).topic().shape().capacity; }
std::size_t Topic::max_message_bytes() const noexcept { return self(*this).topic().shape().message_bytes; }

}  // namespace prefork
