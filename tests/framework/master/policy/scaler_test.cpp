#include "framework/master/policy/scaler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>
#include <utility>
#include <vector>

namespace prefork::master {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kPause{250};
const TimePoint kStart{1000s};

ScaleRule rule(unsigned least, unsigned most, unsigned spare = 0) { return {least, most, spare, 0.75, 30s}; }

struct Row {
  const char* what;
  LoadSample sample;
  unsigned wanted;
};
void PrintTo(const Row& row, std::ostream* out) { *out << row.what; }

class ScalerRow : public testing::TestWithParam<Row> {};

// A pool of 1..8 that has long been of its least size sees one sample.
TEST_P(ScalerRow, IsAnsweredAtOnce) {
  Scaler scaler(rule(1, 8), 1, kStart);
  EXPECT_EQ(scaler.wanted(GetParam().sample, kStart + 1h), GetParam().wanted);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ScalerRow,
    testing::Values(
        Row{"nothing", {1, 0, 0, 0, false}, 1}, Row{"idle clients", {1, 0, 0, 0, true}, 1},
        Row{"below the mark", {1, 0.75, 0, 0, true}, 1}, Row{"above the mark", {1, 0.76, 0, 0, true}, 2},
        Row{"full", {4, 4, 0, 0, true}, 6}, Row{"full and one waits", {1, 1, 0, 1, true}, 2},
        Row{"full and many wait: doubled", {3, 3, 0, 100, true}, 6},
        Row{"never beyond the most", {7, 7, 0, 100, true}, 8}, Row{"no worker serves", {0, 0, 0, 50, true}, 1},
        Row{"there is time for who waits", {2, 1.5, 0, 100, true}, 2},
        Row{"room for connections", {2, 0.1, 1.9, 100, true}, 2}, Row{"no room, nobody waits", {2, 0.1, 2, 0, true}, 2},
        Row{"no room and one waits", {2, 0.1, 2, 1, true}, 3}, Row{"no room and many wait", {2, 0.1, 2, 100, true}, 4},
        Row{"its own work", {1, 0.04, 0, 0, false}, 1},
        Row{"nonsense is bounded", {2, 1e300, 1e300, UINT64_MAX, true}, 8},
        Row{"nonsense is bounded", {2, -5, 0, 0, true}, 1}));

TEST(Scaler, SpareWorkersAreBeyondTheLoadAndOnlyWhileThereIsSome) {
  Scaler scaler(rule(1, 8, 2), 1, kStart);
  EXPECT_EQ(scaler.wanted({1, 0.1, 0, 0, true}, kStart + 1h), 3U);
  EXPECT_EQ(scaler.wanted({3, 0, 0, 0, false}, kStart + 2h), 3U) << "the second before counts";
  for (int i = 0; i < 4; ++i) scaler.wanted({3, 0, 0, 0, false}, kStart + 2h);
  EXPECT_EQ(scaler.wanted({3, 0, 0, 0, false}, kStart + 3h), 1U);
}

TEST(Scaler, ConnectionsKeepTheWorkersThatTheyFill) {
  Scaler scaler(rule(1, 8), 4, kStart);
  EXPECT_EQ(scaler.wanted({4, 0.1, 2.5, 0, true}, kStart + 1h), 3U);
}

TEST(Scaler, AnEmptyPoolHasAWorkerForTheIdleTimeAfterAClientCame) {
  Scaler scaler(rule(0, 4), 0, kStart);
  scaler.keep(1, kStart);
  for (TimePoint now = kStart; now < kStart + 30s; now += kPause)
    EXPECT_EQ(scaler.wanted({0, 0, 0, 0, false}, now), 1U);
  EXPECT_EQ(scaler.wanted({1, 0, 0, 0, false}, kStart + 30s), 0U);
}

TEST(Scaler, TheSizeThatSomebodySetIsKeptForTheIdleTime) {
  Scaler scaler(rule(1, 8), 6, kStart);
  EXPECT_EQ(scaler.wanted({6, 0.2, 0, 0, true}, kStart + 29s), 6U);
  EXPECT_EQ(scaler.wanted({6, 0.2, 0, 0, true}, kStart + 31s), 1U);
}

/// A pool under a load, in simulated time: workers take a second to start, and go only as far as they are idle.
class Trace {
 public:
  Trace(const ScaleRule& rule, unsigned workers) : scaler_(rule, workers, kStart), workers_(workers) {}

  /// @param load  how many workers it would keep busy at a time
  void run(std::chrono::seconds length, const std::function<double(double)>& load) {
    for (const TimePoint end = now_ + length; now_ < end; now_ += kPause) {
      const double seconds = std::chrono::duration<double>(now_ - kStart).count();
      step(std::max(0.0, load(seconds)));
    }
  }
  unsigned workers() const noexcept { return workers_; }
  unsigned most() const noexcept { return most_; }
  unsigned changes() const noexcept { return ups_ + downs_; }
  unsigned ups() const noexcept { return ups_; }
  unsigned downs() const noexcept { return downs_; }
  /// How often it shrank within the idle time of having grown.
  unsigned flaps() const noexcept { return flaps_; }
  /// How often it grew after it had shrunk.
  unsigned swings() const noexcept { return swings_; }

 private:
  void step(double load) {
    const bool started = now_ >= starts_at_;
    const unsigned ready = started ? workers_ : std::min(workers_, ready_before_);
    const double busy = std::min(load, static_cast<double>(ready));
    const auto waiting = static_cast<std::uint64_t>(std::ceil(load - busy));
    const unsigned wanted = scaler_.wanted({ready, busy, 0, waiting, load > 0}, now_);
    if (wanted > workers_) {
      ++ups_;
      swings_ += std::exchange(shrunk_, false) ? 1 : 0;
      grown_ = now_;
      ready_before_ = ready;
      starts_at_ = now_ + 1s;
      workers_ = wanted;
    } else if (wanted < workers_) {
      ++downs_;
      shrunk_ = true;
      flaps_ += now_ - grown_ < 30s ? 1 : 0;
      workers_ = std::max(wanted, static_cast<unsigned>(std::ceil(busy)));
    }
    most_ = std::max(most_, workers_);
  }

  Scaler scaler_;
  unsigned workers_;
  unsigned ready_before_ = 0;
  unsigned most_ = 0, ups_ = 0, downs_ = 0, flaps_ = 0, swings_ = 0;
  TimePoint now_ = kStart;
  TimePoint starts_at_ = kStart;
  TimePoint grown_ = kStart;
  bool shrunk_ = false;
};

TEST(ScalerTrace, AStepIsFollowedAndThenAllIsQuiet) {
  Trace trace(rule(1, 16), 1);
  trace.run(60s, [](double) { return 0; });
  EXPECT_EQ(trace.changes(), 0U);
  trace.run(15s, [](double) { return 5.5; });
  EXPECT_EQ(trace.workers(), 8U) << "5.5 at 75 % of their time";
  const unsigned changes = trace.changes();
  EXPECT_LE(changes, 8U);
  trace.run(3600s, [](double) { return 5.5; });
  EXPECT_EQ(trace.changes(), changes);
  trace.run(40s, [](double) { return 0; });
  EXPECT_EQ(trace.workers(), 1U);
  EXPECT_LE(trace.downs(), 5U) << "within a second";
}

TEST(ScalerTrace, ASpikeCostsOneGrowthAndOneShrinking) {
  Trace trace(rule(1, 16), 1);
  trace.run(600s, [](double t) { return t >= 100 && t < 101 ? 12 : 0.3; });
  EXPECT_GE(trace.most(), 2U);
  EXPECT_EQ(trace.workers(), 1U);
  EXPECT_EQ(trace.flaps(), 0U);
  EXPECT_LE(trace.downs(), 1U);
}

TEST(ScalerTrace, ASawWithinTheIdleTimeIsRiddenOut) {
  for (const double period : {0.5, 1.0, 3.0, 10.0, 25.0}) {
    Trace trace(rule(1, 16), 1);
    const auto saw = [&](double t) { return 8 * std::fmod(t, period) / period; };
    trace.run(120s, saw);
    const unsigned changes = trace.changes();
    trace.run(3600s, saw);
    EXPECT_EQ(trace.changes(), changes) << "an hour later, period " << period;
    EXPECT_EQ(trace.flaps(), 0U);
  }
}

TEST(ScalerTrace, ASlowSawIsFollowedOnceAPeriod) {
  Trace trace(rule(1, 16), 1);
  trace.run(1000s, [](double t) { return std::fmod(t, 100.0) < 50 ? 8 : 0.2; });
  EXPECT_EQ(trace.flaps(), 0U);
  EXPECT_LE(trace.swings(), 10U);
}

TEST(ScalerTrace, ALoadAtTheMarkDoesNotFlap) {
  std::minstd_rand random(7);
  std::normal_distribution<double> noise(0, 0.2);
  Trace trace(rule(1, 16), 1);
  // Just what two workers carry, so that two and three are asked for in turns.
  trace.run(7200s, [&](double) { return 1.5 + noise(random); });
  EXPECT_EQ(trace.flaps(), 0U);
  EXPECT_LE(trace.changes(), 8U) << "in two hours";
  EXPECT_LE(trace.most(), 4U);
}

TEST(ScalerTrace, NoLoadWhateverMakesItFlap) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::minstd_rand random(seed);
    std::uniform_real_distribution<double> any(0, 20);
    double level = 0;
    Trace trace(rule(seed % 3, 16, seed % 2), seed % 3);
    trace.run(1800s, [&](double) {
      if (any(random) < 1) level = any(random);
      return level;
    });
    EXPECT_EQ(trace.flaps(), 0U) << "seed " << seed;
    EXPECT_LE(trace.swings(), 1800U / 30) << "seed " << seed;
  }
}

TEST(ScalerTrace, OnDemandGoesToNothingAndBack) {
  Trace trace(rule(0, 4), 0);
  trace.run(100s, [](double) { return 0; });
  EXPECT_EQ(trace.changes(), 0U);
  trace.run(100s, [](double t) { return t < 110 ? 0.01 : 0; });
  EXPECT_EQ(trace.workers(), 0U);
  EXPECT_EQ(trace.ups(), 1U);
  EXPECT_EQ(trace.downs(), 1U);
}

}  // namespace
}  // namespace prefork::master
