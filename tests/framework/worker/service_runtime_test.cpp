#include "framework/worker/service_runtime.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "tests/framework/worker/harness.hpp"

namespace prefork::worker::test {
namespace {

/// A service that waits in its hooks, and may throw then.
struct Slow final : Service {
  Task<void> start(Context& context) override {
    ++started;
    context_ = &context;
    return hook("start");
  }
  Task<void> stop() override { return hook("stop"); }
  Task<void> hook(std::string name) {
    co_await context_->sleep_for(5ms);
    if (name == throws) throw std::runtime_error("no luck");
  }

  std::string throws;
  int started = 0;

 private:
  Context* context_ = nullptr;
};

struct ServiceRuntimeTest : Harness, testing::Test {
  ServiceRuntimeTest() {
    host.host(first);
    services.add({"other", "other", -1, {}, {}}).host(second);
  }
  Slow first, second;
};

TEST_F(ServiceRuntimeTest, IsBusyUntilEveryHookHasEnded) {
  services.start();
  EXPECT_TRUE(services.busy());
  EXPECT_EQ(first.started + second.started, 2) << "none waits for another";
  EXPECT_TRUE(turn_until([&] { return !services.busy(); }));
  EXPECT_FALSE(services.failure());
  services.stop();
  EXPECT_TRUE(services.busy());
  EXPECT_TRUE(turn_until([&] { return !services.busy(); }));
  EXPECT_TRUE(log.lines.empty());
}

TEST_F(ServiceRuntimeTest, KeepsTheFailureOfAStart) {
  second.throws = "start";
  services.start();
  EXPECT_TRUE(turn_until([&] { return !services.busy(); }));
  ASSERT_TRUE(services.failure());
  EXPECT_EQ(services.failure()->sentence, "service \"other\" can't start: no luck");
  EXPECT_THROW(std::rethrow_exception(services.failure()->error), std::runtime_error);
}

TEST_F(ServiceRuntimeTest, LogsTheFailureOfAStop) {
  first.throws = "stop";
  services.start();
  EXPECT_TRUE(turn_until([&] { return !services.busy(); }));
  services.stop();
  EXPECT_TRUE(turn_until([&] { return !services.busy(); }));
  EXPECT_EQ(log.lines, (std::vector<std::string>{"test: stop: no luck"}));
  EXPECT_EQ(counter(ipc::Counter::handler_errors), 1U);
}

}  // namespace
}  // namespace prefork::worker::test
