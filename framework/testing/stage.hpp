#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <prefork/testing.hpp>

#include "framework/master/generation/shared_set.hpp"
#include "framework/worker/loop/event_loop.hpp"
#include "framework/worker/net/protocol.hpp"
#include "framework/worker/service_runtime.hpp"
#include "ipc/memory/scoreboard.hpp"
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
  Context& context() noexcept { return services_->host(0); }
  const std::vector<std::string>& lines() const noexcept { return lines_; }

 private:
  void log(LogLevel level, std::string_view line) override;
  void on_events(std::uint32_t) override {
    wakeups_[0].clear();
    services_->waits().on_bell();
  }

  void assemble(const Manifest& manifest, ServiceKind kind, const Options& options);
  void finish_hook(std::string_view what);

  struct Moment final : worker::TimerWheel::Entry {
    void on_timer() override {}
  };

  std::vector<std::string> lines_;
  ipc::Scoreboard board_;
  ipc::Wakeups wakeups_;
  master::SharedSet set_;
  std::optional<worker::ServiceRuntime> services_;  // what the service shares is known first
  std::unique_ptr<ServiceBase> service_;
  std::unique_ptr<worker::Protocol> protocol_;
  Moment moment_;
};

}  // namespace prefork::testkit
