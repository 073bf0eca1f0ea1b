#include "framework/worker/shared/shared_objects.hpp"

#include <stdexcept>
#include <utility>

#include "framework/worker/shared/signals.hpp"
#include "ipc/posix/check.hpp"

#include <prefork/context.hpp>

namespace prefork::worker {

namespace {

bool is_at(const ChannelSetup::End& end, const WorkerIdentity& worker) {
  return end.pool == worker.pool && (!end.index || *end.index == worker.index);
}

}  // namespace

SharedObjects::Any SharedObjects::attach(SharedWaits& waits, const SharedSetup& setup) {
  const ipc::SharedObject& object = *setup.object;
  switch (object.shape().kind) {
    case ipc::SharedKind::queue:
      return std::make_unique<SharedQueue>(waits, object, setup.max_deliveries);
    case ipc::SharedKind::topic:
      return std::make_unique<SharedTopic>(waits, object);
    case ipc::SharedKind::semaphore:
    case ipc::SharedKind::mutex:
      return std::make_unique<SharedSemaphore>(waits, object);
    case ipc::SharedKind::event:
      return std::make_unique<SharedEvent>(waits, object);
    case ipc::SharedKind::barrier:
      return std::make_unique<SharedBarrier>(waits, object);
    case ipc::SharedKind::counter:
      return std::make_unique<CounterView>(object, waits.self());
    case ipc::SharedKind::gauge:
      return std::make_unique<GaugeView>(object, waits.self());
    case ipc::SharedKind::histogram:
      return std::make_unique<HistogramView>(object, waits.self());
    case ipc::SharedKind::table:
      break;
  }
  return std::make_unique<SharedTable>(object, waits.self());
}

SharedObjects::SharedObjects(SharedWaits& waits, const ServiceSetup& setup, const WorkerIdentity& identity)
    : service_(setup.name) {
  for (const auto& shared : setup.shared) objects_.emplace(shared.name, attach(waits, shared));
  for (const auto& channel : setup.channels) {
    const bool first = is_at(channel.first, identity);
    if (!first && !is_at(channel.second, identity)) {
      channels_.emplace(channel.name, Ends{});
      continue;
    }
    auto to_second = std::make_unique<SharedQueue>(waits, *channel.to_second, 0);
    auto to_first = std::make_unique<SharedQueue>(waits, *channel.to_first, 0);
    if (!first) std::swap(to_second, to_first);
    channels_.emplace(channel.name, Ends{std::move(to_second), std::move(to_first)});
  }
}

void SharedObjects::refuse(std::string_view name, bool known) const {
  throw std::logic_error("service " + service_ + " asks for the shared object \"" + std::string(name) +
                         "\", which its " +
                         (known ? "describe() declares as something else" : "describe() does not declare"));
}

std::optional<Channel> SharedObjects::channel(std::string_view name) const {
  const auto found = channels_.find(name);
  if (found == channels_.end()) refuse(name, objects_.find(name) != objects_.end());
  if (found->second.out == nullptr) return std::nullopt;
  return Channel(*found->second.out, *found->second.in);
}

}  // namespace prefork::worker

namespace prefork {

using worker::host_of;

Queue& Context::queue(std::string_view name) const { return host_of(*this).shared().get<worker::SharedQueue>(name); }
Topic& Context::topic(std::string_view name) const { return host_of(*this).shared().get<worker::SharedTopic>(name); }
Semaphore& Context::semaphore(std::string_view name) const {
  return host_of(*this).shared().get<worker::SharedSemaphore>(name);
}
Mutex Context::mutex(std::string_view name) const { return Mutex(semaphore(name)); }
Event& Context::event(std::string_view name) const { return host_of(*this).shared().get<worker::SharedEvent>(name); }
Barrier& Context::barrier(std::string_view name) const {
  return host_of(*this).shared().get<worker::SharedBarrier>(name);
}
Counter& Context::counter(std::string_view name) const {
  return host_of(*this).shared().get<worker::CounterView>(name);
}
Gauge& Context::gauge(std::string_view name) const { return host_of(*this).shared().get<worker::GaugeView>(name); }
Histogram& Context::histogram(std::string_view name) const {
  return host_of(*this).shared().get<worker::HistogramView>(name);
}
Table& Context::table(std::string_view name) const { return host_of(*this).shared().get<worker::SharedTable>(name); }
std::optional<Channel> Context::channel(std::string_view name) const { return host_of(*this).shared().channel(name); }

bool Context::signal(std::string_view target, std::string_view name, std::string_view payload) {
  return host_of(*this).signals().send(target, name, payload);
}
void Context::listen(std::string name, std::function<Task<void>(Signal)> callback) {
  host_of(*this).signals().listen(host_of(*this), std::move(name), std::move(callback));
}
void Context::listen(int number, Callback callback) {
  host_of(*this).signals().listen(host_of(*this), number, std::move(callback));
}

}  // namespace prefork
