#include "framework/worker/shared/signals.hpp"

#include <stdexcept>
#include <utility>

#include "framework/worker/shared/signal_message.hpp"

namespace prefork::worker {

Signals::Signals(SharedWaits& waits, const WorkerIdentity& identity, const ipc::SharedObject* topic)
    : waits_(waits),
      identity_(identity),
      topic_(topic == nullptr ? nullptr : std::make_unique<SharedTopic>(waits, *topic)) {}

void Signals::require_topic() const {
  if (topic_ == nullptr) throw std::logic_error("signals are used, but describe() does not declare signals()");
}

bool Signals::send(std::string_view target, std::string_view name, std::string_view payload) {
  require_topic();
  auto message = parse_signal_target(target);
  if (!message) {
    throw std::invalid_argument("a signal goes to POOL or POOL/WORKER, not to \"" + std::string(target) + "\"");
  }
  if (name.empty() || name.size() > kMaxSignalName || payload.size() > kMaxSignalPayload) {
    throw std::length_error("a signal's name has 1 to " + std::to_string(kMaxSignalName) +
                            " bytes, its payload at most " + std::to_string(kMaxSignalPayload));
  }
  message->name = name;
  message->from_pool = identity_.pool;
  message->from_worker = identity_.index;
  message->payload = payload;
  return topic_->publish(encode_signal(*message));
}

void Signals::listen(ServiceHost& host, std::string name, OnSignal callback) {
  require_topic();
  const bool first = named_.empty();
  named_.push_back({host, std::move(name), std::move(callback)});
  if (first) receive(topic_->subscribe());
}

void Signals::listen(ServiceHost& host, int number, OnNumber callback) {
  numbered_.push_back({host, number, std::move(callback)});
}

void Signals::on_number(int number) {
  const std::size_t listening = numbered_.size();
  for (std::size_t i = 0; i < listening; ++i) {
    if (numbered_[i].number == number) run_detached(numbered_[i].host, numbered_[i].callback(), "on_signal");
  }
}

// Not a service's task: a draining worker does not wait for it.
Detached Signals::receive(Subscription subscription) {
  while (const auto publication = co_await subscription.next()) deliver(*publication);
}

void Signals::deliver(const Publication& publication) {
  if (publication.lost > 0) {
    waits_.runtime().log.log(LogLevel::warning,
                             std::to_string(publication.lost) + " signals were lost: they came too fast");
    return;
  }
  const auto message = decode_signal(publication.bytes);
  if (!message || message->pool != identity_.pool) return;
  if (message->worker && *message->worker != identity_.index) return;
  const Signal signal{std::string(message->name), std::string(message->payload), std::string(message->from_pool),
                      message->from_worker};
  const std::size_t listening = named_.size();  // a callback may listen to more
  for (std::size_t i = 0; i < listening; ++i) {
    if (named_[i].name == signal.name) run_detached(named_[i].host, named_[i].callback(signal), "on_signal");
  }
}

}  // namespace prefork::worker
