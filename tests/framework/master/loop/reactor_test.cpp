#include "framework/master/loop/reactor.hpp"

#include <gtest/gtest.h>
#include <sys/epoll.h>

#include <optional>
#include <system_error>

#include "ipc/objects/wakeup.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::master {
namespace {

using namespace std::chrono_literals;

struct ReactorTest : testing::Test {
  Reactor reactor;
  ipc::Wakeup a = ipc::Wakeup::create(), b = ipc::Wakeup::create();
  int calls_a = 0, calls_b = 0;
};

TEST_F(ReactorTest, KnowsItsLongestTurn) {
  reactor.wait(Clock::now());
  EXPECT_EQ(reactor.longest_turn().count(), 0) << "nothing was done between two waits yet";
  const TimePoint until = Clock::now() + 3ms;
  while (Clock::now() < until) {
  }
  reactor.wait(Clock::now());
  EXPECT_GE(reactor.longest_turn(), 3ms);
}

TEST_F(ReactorTest, CallsWhatIsReadyEachTimeItIs) {
  reactor.watch(a.wait_fd(), EPOLLIN, [&](std::uint32_t events) {
    ++calls_a;
    EXPECT_EQ(events, static_cast<std::uint32_t>(EPOLLIN));
  });
  reactor.watch(b.wait_fd(), EPOLLIN, [&](std::uint32_t) { ++calls_b; });
  a.wake();
  reactor.wait(std::nullopt);
  reactor.wait(std::nullopt);
  EXPECT_EQ(calls_a, 2) << "level-triggered";
  EXPECT_EQ(calls_b, 0);
}

TEST_F(ReactorTest, ReturnsAtItsDeadlineAndNotBefore) {
  const auto deadline = Clock::now() + 5ms;
  while (Clock::now() < deadline) reactor.wait(deadline);
  reactor.wait(Clock::now() - 1h);
  EXPECT_GE(Clock::now(), deadline);
}

TEST_F(ReactorTest, ChangeSwitchesEventsOffAndOn) {
  reactor.watch(a.wait_fd(), EPOLLIN, [&](std::uint32_t) { ++calls_a; });
  a.wake();
  reactor.change(a.wait_fd(), 0);
  reactor.wait(Clock::now());
  EXPECT_EQ(calls_a, 0);
  reactor.change(a.wait_fd(), EPOLLIN);
  reactor.wait(std::nullopt);
  EXPECT_EQ(calls_a, 1);
}

TEST_F(ReactorTest, ACallbackMayForgetItselfAndOthers) {
  const auto forget_both = [&](int& calls) {
    return [&](std::uint32_t) {
      ++calls;
      reactor.forget(a.wait_fd());
      reactor.forget(b.wait_fd());
      ++calls;  // the closure lives until its end
    };
  };
  reactor.watch(a.wait_fd(), EPOLLIN, forget_both(calls_a));
  reactor.watch(b.wait_fd(), EPOLLIN, forget_both(calls_b));
  a.wake();
  b.wake();
  reactor.wait(std::nullopt);
  reactor.wait(Clock::now());
  EXPECT_EQ(calls_a + calls_b, 2) << "the second was forgotten before its turn";
}

TEST_F(ReactorTest, ForgottenNumbersCanBeWatchedAgain) {
  for (int i = 0; i < 3; ++i) {
    reactor.watch(a.wait_fd(), EPOLLIN, [&](std::uint32_t) { ++calls_a; });
    reactor.forget(a.wait_fd());
    reactor.forget(a.wait_fd());
  }
  a.wake();
  reactor.wait(Clock::now());
  EXPECT_EQ(calls_a, 0);
}

TEST_F(ReactorTest, WatchingTwiceOrNothingThrows) {
  reactor.watch(a.wait_fd(), EPOLLIN, [&](std::uint32_t) { ++calls_a; });
  EXPECT_THROW(reactor.watch(a.wait_fd(), EPOLLIN, [&](std::uint32_t) { ++calls_b; }), std::system_error);
  EXPECT_THROW(reactor.watch(-1, EPOLLIN, [](std::uint32_t) {}), std::system_error);
  a.wake();
  reactor.wait(std::nullopt);
  EXPECT_EQ(calls_a, 1) << "the first stays";
}

}  // namespace
}  // namespace prefork::master
