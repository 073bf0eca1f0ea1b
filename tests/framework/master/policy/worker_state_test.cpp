#include "framework/master/policy/worker_state.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>

namespace prefork::master {
namespace {

using namespace std::chrono_literals;
using S = WorkerState;
using E = WorkerEvent;
using A = WorkerAction;

// Every pair that does something, written out a second time; all others must be ignored.
const std::map<std::pair<S, E>, WorkerStep> kMeaningful = {
    {{S::starting, E::said_ready}, {S::ready, A::note_ready}},
    {{S::starting, E::said_draining}, {S::retiring, A::note_draining}},
    {{S::starting, E::retire_wanted}, {S::retiring, A::send_retire}},
    {{S::starting, E::finish_wanted}, {S::retiring, A::send_finish}},
    {{S::starting, E::fast_stop_wanted}, {S::stopping, A::send_stop_now}},
    {{S::starting, E::kill_wanted}, {S::killing, A::send_kill}},
    {{S::starting, E::boot_timeout}, {S::aborting, A::send_abort}},
    {{S::starting, E::reaped}, {S::gone, A::report_failed_start}},
    {{S::ready, E::said_draining}, {S::retiring, A::note_draining}},
    {{S::ready, E::retire_wanted}, {S::retiring, A::send_retire}},
    {{S::ready, E::finish_wanted}, {S::retiring, A::send_finish}},
    {{S::ready, E::fast_stop_wanted}, {S::stopping, A::send_stop_now}},
    {{S::ready, E::kill_wanted}, {S::killing, A::send_kill}},
    {{S::ready, E::heartbeat_lost}, {S::aborting, A::send_abort}},
    {{S::ready, E::reaped}, {S::gone, A::report_death}},
    {{S::retiring, E::finish_wanted}, {S::retiring, A::send_finish}},
    {{S::retiring, E::fast_stop_wanted}, {S::stopping, A::send_stop_now}},
    {{S::retiring, E::kill_wanted}, {S::killing, A::send_kill}},
    {{S::retiring, E::heartbeat_lost}, {S::aborting, A::send_abort}},
    {{S::retiring, E::drain_timeout}, {S::stopping, A::send_stop_now}},
    {{S::retiring, E::reaped}, {S::gone, A::report_exit}},
    {{S::stopping, E::kill_wanted}, {S::killing, A::send_kill}},
    {{S::stopping, E::stop_timeout}, {S::killing, A::send_kill}},
    {{S::stopping, E::reaped}, {S::gone, A::report_exit}},
    {{S::aborting, E::kill_wanted}, {S::killing, A::send_kill}},
    {{S::aborting, E::abort_timeout}, {S::killing, A::send_kill}},
    {{S::aborting, E::reaped}, {S::gone, A::report_put_down}},
    {{S::killing, E::kill_timeout}, {S::lost, A::give_up_slot}},
    {{S::killing, E::reaped}, {S::gone, A::report_put_down}},
    {{S::lost, E::reaped}, {S::gone, A::report_found}},
};

class Cell : public testing::TestWithParam<std::size_t> {
 protected:
  S state() const { return static_cast<S>(GetParam() % kWorkerStateCount); }
  E event() const { return static_cast<E>(GetParam() / kWorkerStateCount); }
};

TEST_P(Cell, SaysWhatTheListSays) {
  const auto found = kMeaningful.find({state(), event()});
  const WorkerStep expected = found == kMeaningful.end() ? WorkerStep{state(), A::ignore} : found->second;
  const WorkerStep step = transition(state(), event());
  EXPECT_EQ(step.next, expected.next);
  EXPECT_EQ(step.action, expected.action);
}
INSTANTIATE_TEST_SUITE_P(WorkerState, Cell, testing::Range<std::size_t>(0, kWorkerStateCount* kWorkerEventCount));

TEST(WorkerState, NoDeadlineIsAnEventThatItsStateIgnores) {
  for (std::size_t i = 0; i < kWorkerStateCount; ++i) {
    const auto state = static_cast<S>(i);
    for (const auto beat : {0ms, 100'000ms}) {
      const auto deadline = next_deadline(state, TimePoint{} + 50'000ms, TimePoint{} + beat, WorkerLimits{});
      if (!deadline) continue;
      EXPECT_NE(transition(state, deadline->event).action, A::ignore) << i;
    }
  }
}

// Whatever a worker does not do, its silence ends in a state that waits for nothing but the reaping.
TEST(WorkerState, SilenceEndsInLostFromEveryState) {
  WorkerLimits limits;
  for (std::size_t i = 0; i + 1 < kWorkerStateCount; ++i) {
    auto state = static_cast<S>(i);
    TimePoint entered{};
    std::set<S> seen;
    while (const auto deadline = next_deadline(state, entered, TimePoint{}, limits)) {
      ASSERT_TRUE(seen.insert(state).second) << "a circle";
      state = transition(state, deadline->event).next;
      entered = deadline->at;
    }
    EXPECT_EQ(state, S::lost);
  }
}

TEST(WorkerState, ZeroIsWithoutLimit) {
  const WorkerLimits none{0ms, 0ms, 0ms, 0ms, 0ms, 0ms};
  for (std::size_t i = 0; i < kWorkerStateCount; ++i) {
    EXPECT_FALSE(next_deadline(static_cast<S>(i), TimePoint{}, TimePoint{}, none)) << i;
  }
}

TEST(WorkerState, HeartbeatCountsFromTheEntryOfTheState) {
  WorkerLimits limits;
  limits.heartbeat = 10s;
  const TimePoint entered = TimePoint{} + 100s;
  EXPECT_EQ(next_deadline(S::ready, entered, TimePoint{}, limits)->at, entered + 10s);
  EXPECT_EQ(next_deadline(S::ready, entered, entered + 5s, limits)->at, entered + 15s);
}

TEST(WorkerState, ADrainingWorkerIsWatchedByBothClocks) {
  WorkerLimits limits;
  limits.heartbeat = 10s;
  limits.drain = 30s;
  const TimePoint entered{};
  EXPECT_EQ(next_deadline(S::retiring, entered, entered + 15s, limits)->event, E::heartbeat_lost);
  EXPECT_EQ(next_deadline(S::retiring, entered, entered + 25s, limits)->event, E::drain_timeout);
}

TEST(WorkerState, OnlyStartingAndReadyFillAPlace) {
  EXPECT_TRUE(counts_towards_pool(S::starting));
  EXPECT_TRUE(counts_towards_pool(S::ready));
  for (const S state : {S::retiring, S::stopping, S::aborting, S::killing, S::lost, S::gone}) {
    EXPECT_FALSE(counts_towards_pool(state));
  }
}

TEST(WorkerState, NamesDiffer) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kWorkerStateCount; ++i) names.insert(status_name(static_cast<S>(i), false));
  EXPECT_EQ(names.size(), kWorkerStateCount);
  EXPECT_EQ(status_name(S::ready, true), "busy");
  EXPECT_EQ(status_name(S::retiring, true), "draining");
}

}  // namespace
}  // namespace prefork::master
