#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "framework/worker/shared/service_setup.hpp"
#include "framework/worker/shared/shared_metrics.hpp"
#include "framework/worker/shared/shared_queue.hpp"
#include "framework/worker/shared/shared_sync.hpp"
#include "framework/worker/shared/shared_table.hpp"
#include "framework/worker/shared/shared_topic.hpp"

#include <prefork/channel.hpp>

namespace prefork::worker {

class Signals;

/// The shared objects of one service in one worker, by the names from its describe().
class SharedObjects {
 public:
  SharedObjects(SharedWaits& waits, const ServiceSetup& setup, const WorkerIdentity& identity);

  /// @throws std::logic_error: not declared, or declared as another kind
  template <class T>
  T& get(std::string_view name) const;
  /// @return nullopt: this worker is at neither end
  std::optional<Channel> channel(std::string_view name) const;

 private:
  using Any = std::variant<std::unique_ptr<SharedQueue>, std::unique_ptr<SharedTopic>, std::unique_ptr<SharedSemaphore>,
                           std::unique_ptr<SharedEvent>, std::unique_ptr<SharedBarrier>, std::unique_ptr<CounterView>,
                           std::unique_ptr<GaugeView>, std::unique_ptr<HistogramView>, std::unique_ptr<SharedTable>>;
  struct Ends {
    std::unique_ptr<SharedQueue> out;
    std::unique_ptr<SharedQueue> in;
  };

  static Any attach(SharedWaits& waits, const SharedSetup& setup);
  [[noreturn]] void refuse(std::string_view name, bool known) const;

  std::string service_;
  std::map<std::string, Any, std::less<>> objects_;
  std::map<std::string, Ends, std::less<>> channels_;
};

template <class T>
T& SharedObjects::get(std::string_view name) const {
  const auto found = objects_.find(name);
  if (found == objects_.end()) refuse(name, false);
  const auto* object = std::get_if<std::unique_ptr<T>>(&found->second);
  if (object == nullptr) refuse(name, true);
  return **object;
}

}  // namespace prefork::worker
