#include "ipc/objects/event.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "tests/ipc/objects/parties.hpp"

namespace prefork::ipc {
namespace {

using test::Made;
using test::Parties;

TEST(Event, IsSetAndCleared) {
  Parties parties;
  Made<Event> made({}, parties);
  Event event = made.at(0), other = made.at(1);
  EXPECT_FALSE(other.is_set());
  EXPECT_TRUE(event.set());
  EXPECT_FALSE(event.set());
  EXPECT_TRUE(other.is_set());
  auto sleeper = parties.sleeper(1);
  EXPECT_TRUE(other.wait(sleeper, 0));
  EXPECT_TRUE(other.clear());
  EXPECT_FALSE(event.clear());
  EXPECT_FALSE(event.wait(sleeper, sleeper_clock_ns() + 3'000'000));
  EXPECT_EQ(event.waiting().count(), 0U);
}

TEST(Event, ShowsThatItWasSetForAMoment) {
  Parties parties;
  Made<Event> made({}, parties);
  Event event = made.at(0);
  const auto before = event.times_set();
  EXPECT_FALSE(event.set_since(before));
  event.set();
  event.clear();
  EXPECT_TRUE(event.set_since(before));
}

TEST(EventThreads, WakesEveryoneWhoWaitsThoughItIsClearedAtOnce) {
  Parties parties;
  Made<Event> made({}, parties);
  Event event = made.at(0);
  for (int round = 0; round < 100; ++round) {
    std::vector<std::thread> threads;
    for (std::size_t t = 1; t < 5; ++t) {
      threads.emplace_back([&, t] {
        Event mine = made.at(t);
        auto sleeper = parties.sleeper(t);
        EXPECT_TRUE(mine.wait(sleeper, kNoDeadline));
      });
    }
    while (event.waiting().count() < 4) std::this_thread::yield();
    event.set();
    event.clear();
    for (auto& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace prefork::ipc
