#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <prefork/testing.hpp>

#include "framework/master/generation/shared_plan.hpp"
#include "framework/master/generation/shared_set.hpp"
#include "framework/worker/loop/event_loop.hpp"
#include "framework/worker/net/protocol.hpp"
#include "framework/worker/service/runtime.hpp"
#include "framework/worker/service/service_host.hpp"
#include "framework/worker/shared/shared_objects.hpp"
#include "framework/worker/shared/shared_waits.hpp"
#include "framework/worker/shared/signals.hpp"
#include "framework/worker/worker.hpp"
#include "ipc/memory/scoreboard.hpp"
#include "ipc/objects/party.hpp"
#include "ipc/objects/wakeup.hpp"

namespace prefork::testkit {

/// A worker's runtime without the worker, with one service in it.
class ServiceTester::Stage final : private worker::LogSink, private worker::EventHandler {
 public:
  Stage(const Manifest& manifest, ServiceKind kind, std::unique_ptr<ServiceBase> service, const Options& options);
  ~Stage();

  /// @return the client's end, non-blocking
  int connect();
  void turn();
  void run_until(const std::function<bool()>& done, std::string_view what);
  void drain();

  ServiceBase& service() const noexcept { return *service_; }
  Context& context() noexcept { return *host_; }
  const std::vector<std::string>& lines() const noexcept { return lines_; }

 private:
  void log(LogLevel level, std::string_view line) override;
  void on_events(std::uint32_t) override {
    wakeups_[0].clear();
    waits_.on_bell();
  }

  void share(const Manifest& manifest, ServiceKind kind, const Options& options);
  void start();
  void stop();

  struct Moment final : worker::TimerWheel::Entry {
    void on_timer() override {}
  };

  std::vector<std::string> lines_;
  ipc::Scoreboard board_;
  ipc::Wakeups wakeups_;
  worker::WorkerIdentity identity_{"main", 0, 1};
  worker::Runtime runtime_;
  worker::SharedWaits waits_;
  master::SharedSet set_;
  worker::ServiceSetup setup_;
  std::unique_ptr<worker::ServiceHost> host_;
  std::unique_ptr<worker::SharedObjects> shared_;
  std::unique_ptr<worker::Signals> signals_;
  std::unique_ptr<ServiceBase> service_;
  std::unique_ptr<worker::Protocol> protocol_;
  Moment moment_;
};

}  // namespace prefork::testkit
