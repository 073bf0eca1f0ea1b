#include "framework/master/policy/load_meter.hpp"

#include <gtest/gtest.h>

namespace prefork::master {
namespace {

TEST(LoadMeter, WhatHasBegunCountsBeforeItHasEnded) {
  ipc::LoadClock clock{};
  LoadMeter meter;
  const auto busy = [&](std::uint64_t now) { return meter.look(clock.read(now), 0, now).busy; };
  clock.begin_wait(1000);  // it waits already
  EXPECT_EQ(busy(1000), 0) << "the first look";
  clock.begin_busy(1100);
  clock.begin_wait(1200);
  EXPECT_DOUBLE_EQ(busy(1400), 0.25);
  clock.begin_busy(1500);
  EXPECT_DOUBLE_EQ(busy(1600), 0.5);
  EXPECT_DOUBLE_EQ(busy(1800), 1.0) << "still the same";
  clock.begin_busy(1850);  // it is busy already
  EXPECT_TRUE(clock.read(1850).busy);
  clock.begin_wait(1900);
  EXPECT_FALSE(clock.read(1900).busy);
  EXPECT_DOUBLE_EQ(busy(2000), 0.5);
  EXPECT_EQ(busy(3000), 0);
}

TEST(LoadMeter, ANewWorkersClockIsAtRest) {
  ipc::LoadClock clock{};
  clock.begin_busy(5);
  clock.reset();
  EXPECT_EQ(clock.read(1'000'000).busy_ns, 0U);
  EXPECT_FALSE(clock.read(1'000'000).busy);
}

TEST(LoadMeter, NonsenseIsBounded) {
  LoadMeter meter;
  meter.look({1000, false}, 0, 1000);
  EXPECT_EQ(meter.look({UINT64_MAX, true}, 0, 2000).busy, 0) << "backwards";
  EXPECT_EQ(meter.look({UINT64_MAX >> 3, true}, 0, 3000).busy, 1) << "more than all of the time";
  EXPECT_EQ(meter.look({999, false}, 0, 3000).busy, 0) << "no time has passed";
}

TEST(LoadMeter, TellsWhetherAnythingWasDone) {
  LoadMeter meter;
  EXPECT_FALSE(meter.look({}, 7, 1000).worked) << "the first look";
  EXPECT_FALSE(meter.look({}, 7, 2000).worked);
  EXPECT_TRUE(meter.look({}, 8, 3000).worked);
}

}  // namespace
}  // namespace prefork::master
