#include "ipc/memory/scoreboard.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <set>

#include "tests/ipc/support.hpp"

namespace prefork::ipc {
namespace {

CounterValues sum_of(const CounterValues& a, const CounterValues& b) {
  CounterValues sum = a;
  accumulate(sum, b);
  return sum;
}

Scoreboard full_board(std::size_t slots) {
  Scoreboard board = Scoreboard::create(slots);
  for (std::size_t i = 0; i < slots; ++i) board.assign(i);
  return board;
}

TEST(Scoreboard, StartsEmpty) {
  Scoreboard board = Scoreboard::create(3);
  EXPECT_EQ(board.slots(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(board.counters(i), CounterValues{});
    board.assign(i);
    EXPECT_EQ(board.counters(i), CounterValues{});
    EXPECT_EQ(board.slot(i).activity().kind, ActivityKind::none);
  }
}

// Goal: a worker can't reach another worker's slot, not even by enlarging its mapping.
TEST(Scoreboard, EachSlotIsMemoryOfItsOwn) {
  Scoreboard board = full_board(5);
  for (std::size_t i = 0; i < 5; ++i) {
    board.slot(i).add(Counter::requests, i + 1);
    board.slot(i).connections.store(static_cast<std::uint32_t>(i));
    board.slot(i).begin_activity(ActivityKind::request, static_cast<std::uint8_t>(i), i, std::string(200, 'a'));
    struct stat status {};
    ASSERT_EQ(::fstat(board.fd(i), &status), 0);
    EXPECT_EQ(status.st_size, static_cast<off_t>(sizeof(WorkerSlot)));
  }
  board.clear(2);
  for (const std::size_t i : {0U, 1U, 3U, 4U}) {
    EXPECT_EQ(board.counters(i)[static_cast<std::size_t>(Counter::requests)], i + 1);
    EXPECT_EQ(board.slot(i).connections.load(), i);
    EXPECT_EQ(board.slot(i).activity().service, i);
    EXPECT_EQ(board.slot(i).activity().text, std::string(WorkerSlot::kActivityText, 'a'));
  }
  EXPECT_EQ(board.counters(2), CounterValues{});
}

TEST(Scoreboard, HasAsManySlotsAsItMay) {
  Scoreboard board = Scoreboard::create(65535);
  board.assign(65534);
  board.slot(65534).add(Counter::bytes_in, 7);
  EXPECT_EQ(board.counters(65534)[static_cast<std::size_t>(Counter::bytes_in)], 7U);
}

// Goal: who still has a dead worker's memory (a process that it started) does not reach its successor's.
TEST(Scoreboard, AssignMakesTheSlotAnew) {
  Scoreboard board = full_board(1);
  const SharedMemory old = map_slot(UniqueFd(::dup(board.fd(0))));
  slot_in(old).add(Counter::accepted, 3);
  slot_in(old).begin_activity(ActivityKind::request, 1, 1, "GET /old");
  EXPECT_EQ(board.slot(0).activity().text, "GET /old");
  const auto before = monotonic_ns();
  board.assign(0);
  EXPECT_EQ(board.counters(0), CounterValues{});
  EXPECT_GE(board.slot(0).heartbeat_ns.load(), before) << "a new worker must not look as if it were stuck";
  EXPECT_EQ(board.slot(0).activity().text, "") << "not the last worker's";
  slot_in(old).heartbeat_ns.store(1);
  EXPECT_GE(board.slot(0).heartbeat_ns.load(), before);
}

// Goal: what workers have written says nothing of the layout: an upgrade goes on with any bytes.
TEST(Scoreboard, AdoptsWhateverItsWorkersWrote) {
  Scoreboard board = full_board(1);
  std::memset(static_cast<void*>(&board.slot(0)), 0xff, sizeof(WorkerSlot));
  const Seats seats = Seats::create(4);
  std::memset(static_cast<void*>(&seats[0]), 0xff, 4 * sizeof(Seat));
  Scoreboard next = Scoreboard::create(1);
  next.adopt(0, UniqueFd(::dup(board.fd(0))));
  EXPECT_EQ(next.slot(0).connections.load(), UINT32_MAX);
  EXPECT_EQ(Seats::map(UniqueFd(::dup(seats.fd())), 4)[3].connections.load(), UINT32_MAX);
  EXPECT_THROW(Seats::map(UniqueFd(::dup(seats.fd())), 5), std::runtime_error) << "the size is the kernel's word";
  EXPECT_THROW(next.adopt(0, UniqueFd(::dup(seats.fd()))), std::runtime_error);
}

TEST(Scoreboard, EveryCounterHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kCounters; ++i) names.insert(counter_name(static_cast<Counter>(i)));
  EXPECT_EQ(names.size(), kCounters);
  EXPECT_EQ(names.count(""), 0U);
}

TEST(Activity, IsCopiedAsItIs) {
  const Scoreboard board = full_board(1);
  auto& slot = board.slot(0);
  const std::string bytes("\x02\0\xff", 3);
  slot.begin_activity(ActivityKind::connection, 200, 12345, bytes);
  const Activity activity = slot.activity();
  EXPECT_EQ(activity.kind, ActivityKind::connection);
  EXPECT_EQ(activity.service, 200);
  EXPECT_EQ(activity.since_ns, 12345U);
  EXPECT_EQ(activity.text, bytes);
  slot.end_activity();
  EXPECT_EQ(slot.activity().kind, ActivityKind::none);
  slot.begin_activity(ActivityKind::timer, 0, 0, {});
  EXPECT_EQ(slot.activity().text, "");
}

TEST(Activity, LongTextIsCut) {
  const Scoreboard board = full_board(2);
  board.slot(0).begin_activity(ActivityKind::request, 0, 0, std::string(100'000, 'x'));
  EXPECT_EQ(board.slot(0).activity().text, std::string(WorkerSlot::kActivityText, 'x'));
  EXPECT_EQ(board.counters(1), CounterValues{});
}

// Goal: whatever a broken worker writes into its slot, a copy of the activity is in range.
TEST(Activity, WhatABrokenWorkerWritesIsClamped) {
  const Scoreboard board = full_board(1);
  auto& slot = board.slot(0);
  for (int value = 0; value < 256; ++value) {
    slot.activity_kind.store(static_cast<ActivityKind>(value));
    slot.activity_length.store(static_cast<std::uint16_t>(value * 257));
    const Activity activity = slot.activity();
    EXPECT_LE(activity.kind, ActivityKind::timer);
    EXPECT_EQ(activity.kind == ActivityKind::none, value == 0 || value > 6) << value;
    EXPECT_LE(activity.text.size(), WorkerSlot::kActivityText);
  }
}

TEST(Activity, ASlotFullOfAnyByteCanBeRead) {
  const Scoreboard board = full_board(1);
  for (int value = 0; value < 256; ++value) {
    std::memset(static_cast<void*>(&board.slot(0)), value, sizeof(WorkerSlot));
    EXPECT_LE(board.slot(0).activity().text.size(), WorkerSlot::kActivityText);
    board.counters(0);
  }
}

// Goal: a reader in another process sees counters that only rise, and those of a killed worker stay.
TEST(Counters, NeverGoBackAndOutliveTheirWorker) {
  const Scoreboard board = full_board(1);
  auto& slot = board.slot(0);
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) {
      slot.add(Counter::requests);
      slot.add(Counter::bytes_out, 13);
    }
  }
  CounterValues last = board.counters(0);
  constexpr auto kRequests = static_cast<std::size_t>(Counter::requests);
  constexpr auto kBytes = static_cast<std::size_t>(Counter::bytes_out);
  while (last[kRequests] < 10'000) {
    const CounterValues now = board.counters(0);
    for (std::size_t i = 0; i < kCounters; ++i) ASSERT_GE(now[i], last[i]);
    last = now;
  }
  ::kill(child, SIGKILL);
  test::reap(child);
  const CounterValues end = board.counters(0);
  EXPECT_GE(end[kRequests], last[kRequests]);
  EXPECT_TRUE(end[kBytes] == end[kRequests] * 13 || end[kBytes] == (end[kRequests] - 1) * 13);
}

TEST(Counters, SumsDoNotGoBackEvenWhenAWorkerWritesNonsense) {
  CounterValues sane{}, nonsense{};
  sane.fill(100);
  nonsense.fill(UINT64_MAX - 5);
  const CounterValues sum = sum_of(sane, nonsense);
  for (const auto value : sum) EXPECT_GE(value, UINT64_MAX - 5);
  EXPECT_EQ(sum_of(sane, sane)[0], 200U);
}

}  // namespace
}  // namespace prefork::ipc
