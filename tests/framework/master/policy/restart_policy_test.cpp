#include "framework/master/policy/restart_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <vector>

namespace prefork::master {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// A pool of simulated workers: time moves only by what the test says.
struct RestartPolicyTest : testing::Test {
  RestartPolicy policy;
  TimePoint now = TimePoint{} + 1h;

  // The time that passes until a start is allowed.
  milliseconds wait_for_start() {
    const TimePoint asked = now;
    if (const auto until = policy.throttled_until(now)) now = *until;
    EXPECT_TRUE(policy.take_start(now, 0));
    return std::chrono::duration_cast<milliseconds>(now - asked);
  }

  void fail(Departure departure = Departure::cannot_start, double jitter = 0) {
    const TimePoint started = now;
    now += 1ms;
    policy.left({departure, started, std::nullopt}, now, jitter);
  }

  // A worker starts, is ready after 5 ms and leaves when it has lived `life` after that.
  void live(milliseconds life, Departure departure, bool over_a_client = false) {
    const TimePoint started = now;
    now += 5ms;
    const TimePoint ready = now;
    policy.became_ready(now);
    now += life;
    policy.left({departure, started, ready, over_a_client}, now, 0);
  }
};

int exited(int code) { return code << 8; }

TEST_F(RestartPolicyTest, StartsFreelyAtFirst) {
  for (unsigned starting = 0; starting < 16; ++starting) EXPECT_TRUE(policy.take_start(now, starting));
  EXPECT_EQ(policy.failures(now), 0U);
  EXPECT_FALSE(policy.throttled_until(now));
}

TEST_F(RestartPolicyTest, FailuresToStartGrowTheDelayToItsLimit) {
  std::vector<long> delays;
  for (int i = 0; i < 13; ++i) {
    fail();
    delays.push_back(wait_for_start().count());
  }
  EXPECT_EQ(delays, (std::vector<long>{0, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000}));
  EXPECT_EQ(policy.failures(now), 13U);
  EXPECT_EQ(policy.last_reason(), ThrottleReason::cannot_start);
}

TEST_F(RestartPolicyTest, TheCircuitIsOpenFromTheLongestDelayUntilFailuresAreForgotten) {
  for (int i = 0; i < 10; ++i) {
    fail();
    EXPECT_FALSE(policy.open_since(now)) << i;
    wait_for_start();
  }
  fail();
  const TimePoint opened = now;
  EXPECT_EQ(policy.open_since(now), opened);
  wait_for_start();
  fail();
  EXPECT_EQ(policy.open_since(now), opened) << "since the first time";
  EXPECT_EQ(wait_for_start(), 30s);
  policy.became_ready(now);
  EXPECT_TRUE(policy.open_since(now + 9s)) << "a probe may still fail";
  now += 10s;
  EXPECT_FALSE(policy.open_since(now));
  fail();
  EXPECT_FALSE(policy.open_since(now)) << "a failure after that is the first of others";
  EXPECT_EQ(policy.failures(now), 1U);
}

TEST_F(RestartPolicyTest, AMillionFailuresOverflowNothing) {
  for (int i = 0; i < 1'000'000; ++i) fail();
  EXPECT_EQ(wait_for_start(), 30s);
}

TEST_F(RestartPolicyTest, JitterMovesTheDelayByATenth) {
  fail(Departure::cannot_start);
  now += 1ms;
  fail(Departure::cannot_start, 1.0);
  EXPECT_EQ(wait_for_start(), 110ms);
  fail(Departure::cannot_start, -1.0);
  EXPECT_EQ(wait_for_start(), 180ms);
  fail(Departure::cannot_start, 99.0);
  EXPECT_EQ(wait_for_start(), 440ms) << "beyond 1 counts as 1";
}

TEST_F(RestartPolicyTest, EveryReasonIsRemembered) {
  const std::pair<Departure, ThrottleReason> cases[] = {
      {Departure::cannot_start, ThrottleReason::cannot_start},
      {Departure::died_before_ready, ThrottleReason::died_before_ready},
      {Departure::boot_timeout, ThrottleReason::boot_timeout},
      {Departure::crashed, ThrottleReason::died_before_ready},
  };
  for (const auto& [departure, reason] : cases) {
    fail(departure);
    EXPECT_EQ(policy.last_reason(), reason);
    EXPECT_FALSE(throttle_reason_name(reason).empty());
  }
}

TEST_F(RestartPolicyTest, AKilledHealthyWorkerIsReplacedAtOnce) {
  live(1h, Departure::killed);
  EXPECT_EQ(wait_for_start(), 0ms);
  EXPECT_EQ(policy.failures(now), 0U);
}

TEST_F(RestartPolicyTest, ThirtyKillsInARowDoNotThrottle) {
  for (int i = 0; i < 30; ++i) {
    live(201ms, Departure::killed);
    EXPECT_EQ(wait_for_start(), 0ms) << i;
  }
  EXPECT_EQ(policy.failures(now), 0U);
}

TEST_F(RestartPolicyTest, FastEndsThrottle) {
  const std::pair<milliseconds, Departure> cases[] = {
      {999ms, Departure::crashed}, {999ms, Departure::drained}, {199ms, Departure::killed}};
  for (const auto& [life, departure] : cases) {
    policy = RestartPolicy();
    live(life, departure);
    EXPECT_EQ(wait_for_start(), 0ms);
    live(life, departure);
    EXPECT_EQ(wait_for_start(), 100ms);
    live(life, departure);
    EXPECT_EQ(wait_for_start(), 200ms);
    EXPECT_EQ(policy.last_reason(), ThrottleReason::fast_exit);
  }
}

TEST_F(RestartPolicyTest, EndsAfterAWhileDoNot) {
  for (const auto departure :
       {Departure::crashed, Departure::drained, Departure::heartbeat_lost, Departure::request_timeout}) {
    for (int i = 0; i < 5; ++i) {
      live(1000ms, departure);
      EXPECT_EQ(wait_for_start(), 0ms);
    }
  }
  EXPECT_EQ(policy.failures(now), 0U);
}

TEST_F(RestartPolicyTest, WhoDiesOverAClientIsNoFailureHoweverSoon) {
  for (const auto departure : {Departure::crashed, Departure::killed}) {
    for (int i = 0; i < 40; ++i) {
      live(1ms, departure, true);
      EXPECT_EQ(wait_for_start(), 0ms) << i;
    }
  }
  EXPECT_EQ(policy.failures(now), 0U);
  live(1ms, Departure::drained, true);
  EXPECT_EQ(policy.failures(now), 1U) << "no client has told it to leave";
}

TEST_F(RestartPolicyTest, AHundredReplacementsAtOnceAndThenAHundredASecond) {
  const TimePoint begin = now;
  const auto die = [&] { policy.left({Departure::crashed, now, now, true}, now, 0); };
  for (int i = 0; i < 100; ++i) {
    die();
    EXPECT_TRUE(policy.take_start(now, 3)) << i;
  }
  EXPECT_FALSE(policy.paced(now));
  die();
  EXPECT_TRUE(policy.paced(now));
  EXPECT_FALSE(policy.take_start(now, 0));
  EXPECT_EQ(policy.throttled_until(now), now + 10ms);
  unsigned starts = 0;
  for (; now < begin + 10s; now += 1ms) {
    for (; policy.take_start(now, 3); ++starts) die();
  }
  EXPECT_GE(starts, 995U);
  EXPECT_LE(starts, 1000U);
  EXPECT_EQ(policy.failures(now), 0U);
  now += 1100ms;
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(policy.take_start(now, 3)) << "who has been quiet has them again: " << i;
    die();
  }
}

TEST_F(RestartPolicyTest, OneAtATimeWhileFailing) {
  fail();
  EXPECT_FALSE(policy.take_start(now, 1));
  EXPECT_FALSE(policy.throttled_until(now)) << "a worker is awaited, not the time";
  EXPECT_TRUE(policy.take_start(now, 0));
}

TEST_F(RestartPolicyTest, AWaveThatFailsTogetherIsOneFailure) {
  const TimePoint started = now;
  for (int i = 0; i < 8; ++i) {
    now += 1ms;
    policy.left({Departure::cannot_start, started, std::nullopt}, now, 0);
  }
  EXPECT_EQ(policy.failures(now), 1U);
  EXPECT_EQ(wait_for_start(), 0ms);
}

TEST_F(RestartPolicyTest, TenGoodSecondsForget) {
  for (int i = 0; i < 6; ++i) fail();
  now += 1min;
  policy.became_ready(now);
  EXPECT_EQ(policy.failures(now + 9'999ms), 6U);
  EXPECT_EQ(policy.failures(now + 10s), 0U);
  now += 10s;
  EXPECT_TRUE(policy.take_start(now, 5));
  fail();
  EXPECT_EQ(policy.failures(now), 1U) << "counted from the beginning";
  EXPECT_EQ(wait_for_start(), 0ms);
}

TEST_F(RestartPolicyTest, AFailureStartsTheGoodSecondsAnew) {
  fail();
  policy.became_ready(now);
  now += 9s;
  fail();
  now += 9s;
  EXPECT_EQ(policy.failures(now), 2U);
}

TEST_F(RestartPolicyTest, OldFailuresAreForgottenWithoutASuccess) {
  for (int i = 0; i < 3; ++i) fail();
  EXPECT_EQ(policy.failures(now + 599s), 3U);
  EXPECT_EQ(policy.failures(now + 600s), 0U);
}

// One worker of the pool can't start; another, that served for an hour, is killed.
TEST_F(RestartPolicyTest, AWorkerThatServedIsReplacedEvenWhileThrottled) {
  const TimePoint started = now - 1h;
  for (int i = 0; i < 10; ++i) fail();
  ASSERT_TRUE(policy.throttled_until(now));
  EXPECT_FALSE(policy.take_start(now, 0));
  policy.left({Departure::killed, started, started + 1s}, now, 0);
  EXPECT_FALSE(policy.throttled_until(now));
  EXPECT_TRUE(policy.take_start(now, 3));
  EXPECT_FALSE(policy.take_start(now, 0)) << "one for one";
  EXPECT_TRUE(policy.throttled_until(now));
}

TEST_F(RestartPolicyTest, ForkFailureHoldsForHalfASecond) {
  policy.fork_failed(now);
  EXPECT_FALSE(policy.take_start(now + 499ms, 0));
  EXPECT_EQ(policy.throttled_until(now), now + 500ms);
  EXPECT_TRUE(policy.take_start(now + 500ms, 7));
  EXPECT_EQ(policy.failures(now), 0U);
  EXPECT_EQ(policy.last_reason(), ThrottleReason::fork_failed);
}

TEST_F(RestartPolicyTest, TheLongerHoldCounts) {
  for (int i = 0; i < 3; ++i) fail();  // 200 ms
  policy.fork_failed(now);
  EXPECT_EQ(policy.throttled_until(now), now + 500ms);
}

TEST(Departure, OfWaitStatus) {
  EXPECT_EQ(departure_of(exited(81), false), Departure::cannot_start);
  EXPECT_EQ(departure_of(exited(77), false), Departure::cannot_start);
  EXPECT_EQ(departure_of(exited(1), false), Departure::died_before_ready);
  EXPECT_EQ(departure_of(SIGKILL, false), Departure::died_before_ready);
  EXPECT_EQ(departure_of(exited(81), true), Departure::crashed) << "a plugin may exit with any code";
  EXPECT_EQ(departure_of(exited(0), true), Departure::crashed);
  EXPECT_EQ(departure_of(SIGSEGV | 0x80, true), Departure::crashed);
  EXPECT_EQ(departure_of(SIGKILL, true), Departure::killed);
}

TEST(Departure, NamesDiffer) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < kDepartureCount; ++i) names.push_back(departure_name(static_cast<Departure>(i)));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
}

}  // namespace
}  // namespace prefork::master
