#include "ipc/objects/message_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <string.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "tests/ipc/objects/parties.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::ipc {
namespace {

using test::Made;
using test::Parties;
using namespace std::chrono_literals;

constexpr MessageQueue::Shape kSmall{4, 16, 2};

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
PutResult put(MessageQueue& queue, std::string_view text) { return queue.try_put(bytes_of(text)); }
/// Takes and acknowledges.
std::string get(MessageQueue& queue) {
  const auto taken = queue.try_get();
  if (!taken) return "(none)";
  std::string text = text_of(taken->bytes);
  queue.ack(taken->sequence);
  return text;
}
std::uint64_t in(std::chrono::milliseconds delay) {
  return sleeper_clock_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(delay).count());
}

struct MessageQueueTest : testing::Test {
  Parties parties;
  Made<MessageQueue> made{kSmall, parties};
  MessageQueue queue = made.at(0);
  MessageQueue other = made.at(1);
};

TEST_F(MessageQueueTest, GivesMessagesInOrderOverManyLaps) {
  for (int lap = 0; lap < 50; ++lap) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(put(queue, std::to_string(3 * lap + i)), PutResult::done);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(get(other), std::to_string(3 * lap + i));
  }
  EXPECT_EQ(get(queue), "(none)");
}

TEST_F(MessageQueueTest, KeepsAnyBytesAndAnyLength) {
  const std::string odd("\0\xff\n\0", 4);
  put(queue, odd);
  put(queue, "");
  put(queue, std::string(16, 'x'));
  EXPECT_EQ(get(other), odd);
  EXPECT_EQ(get(other), "");
  EXPECT_EQ(get(other), std::string(16, 'x'));
}

TEST_F(MessageQueueTest, RefusesWhatIsLongerThanASlotAndLosesNothing) {
  put(queue, "first");
  EXPECT_EQ(test::thrown_by([&] { put(queue, std::string(17, 'x')); }),
            "a message of 17 bytes is longer than the queue takes (16 bytes)");
  EXPECT_EQ(queue.size(), 1U);
  EXPECT_EQ(get(queue), "first");
}

TEST_F(MessageQueueTest, IsFullWhenEverySlotIsTakenOrWaits) {
  for (int i = 0; i < 4; ++i) put(queue, "m");
  EXPECT_TRUE(queue.full());
  EXPECT_EQ(put(queue, "m"), PutResult::full);
  const auto taken = queue.try_get();
  EXPECT_EQ(put(queue, "m"), PutResult::full) << "a message that is held keeps its slot";
  queue.ack(taken->sequence);
  EXPECT_EQ(put(queue, "m"), PutResult::done);
  EXPECT_EQ(queue.size(), 4U);
}

TEST_F(MessageQueueTest, ClosedTakesNothingAndGivesTheRest) {
  put(queue, "last");
  queue.close();
  EXPECT_EQ(put(other, "more"), PutResult::closed);
  EXPECT_EQ(get(other), "last");
  auto sleeper = parties.sleeper(1);
  EXPECT_FALSE(other.get(sleeper, kNoDeadline).has_value());
  queue.reopen();
  EXPECT_EQ(put(other, "more"), PutResult::done);
}

TEST_F(MessageQueueTest, DeliversAgainInOrderWhatIsGivenBack) {
  for (const char* text : {"a", "b", "c"}) put(queue, text);
  const auto first = queue.try_get();
  const auto second = other.try_get();
  queue.nack(first->sequence);
  const auto again = other.try_get();
  EXPECT_EQ(text_of(again->bytes), "a");
  EXPECT_EQ(again->deliveries, 2U);
  EXPECT_EQ(again->sequence, first->sequence);
  other.ack(again->sequence);
  EXPECT_EQ(get(queue), "c");
  other.ack(second->sequence);
  EXPECT_EQ(queue.losses().redelivered, 1U);
}

TEST_F(MessageQueueTest, PutsWhatIsDeliveredTooOftenToTheDeadLetters) {
  MessageQueue strict = made.at(2, 2);
  put(queue, "poison");
  put(queue, "good");
  for (int i = 0; i < 2; ++i) strict.nack(strict.try_get()->sequence);
  EXPECT_EQ(get(strict), "good");
  EXPECT_EQ(get(strict), "(none)");
  const auto places = queue.find_dead(Spots::all());
  ASSERT_EQ(places.size(), 1U);
  const auto letter = queue.dead_letter(places[0], 3);
  ASSERT_TRUE(letter);
  EXPECT_EQ(letter->bytes, "poi");
  EXPECT_EQ(letter->length, 6U);
  EXPECT_EQ(letter->deliveries, 2U);
  EXPECT_EQ(queue.requeue_dead(places[0]), MessageQueue::Requeued::done);
  EXPECT_EQ(queue.requeue_dead(places[0]), MessageQueue::Requeued::gone) << "once";
  EXPECT_FALSE(queue.dead_letter(places[0], 3));
  EXPECT_EQ(queue.dead_letter_count(), 0U);
  EXPECT_EQ(get(strict), "poison");
}

TEST_F(MessageQueueTest, CountsWhatTheDeadLettersHaveNoRoomFor) {
  MessageQueue strict = made.at(2, 1);
  for (const char* text : {"a", "b", "c"}) {
    put(queue, text);
    strict.nack(strict.try_get()->sequence);
    EXPECT_EQ(get(strict), "(none)");
  }
  EXPECT_EQ(queue.dead_letter_count(), 2U);
  EXPECT_EQ(queue.losses().dropped, 1U);
  EXPECT_EQ(queue.drop_dead(), 2U);
  EXPECT_EQ(queue.dead_letter_count(), 0U);
}

// A full one must not cost each message a look at all places.
TEST(MessageQueueOfManyDeadLetters, FindsRoomForNearlyAllOfThem) {
  constexpr std::uint32_t kLetters = 16384;
  const Parties parties;
  const Made<MessageQueue> made({2, 8, kLetters}, parties);
  MessageQueue queue = made.at(0, 1);
  for (std::uint32_t i = 0; i < kLetters + 100; ++i) {
    ASSERT_EQ(queue.try_put(bytes_of("m")), PutResult::done);
    queue.nack(queue.try_get()->sequence);
    ASSERT_FALSE(queue.try_get());
  }
  EXPECT_EQ(queue.dead_letter_count() + queue.losses().dropped, kLetters + 100);
  EXPECT_GE(queue.dead_letter_count(), kLetters * 98 / 100);
}

TEST_F(MessageQueueTest, DropsAndCountsWhatNobodyTookInTime) {
  queue.try_put(bytes_of("late"), in(0ms));
  queue.try_put(bytes_of("in time"), in(1h));
  EXPECT_EQ(get(other), "in time");
  EXPECT_EQ(queue.losses().expired, 1U);
}

TEST_F(MessageQueueTest, WaitsNoLongerThanItsDeadline) {
  auto sleeper = parties.sleeper(0);
  EXPECT_FALSE(queue.get(sleeper, in(5ms)).has_value());
  for (int i = 0; i < 4; ++i) put(queue, "m");
  EXPECT_EQ(queue.put(bytes_of("m"), sleeper, in(5ms)), PutResult::full);
  EXPECT_EQ(queue.getters().count(), 0U);
  EXPECT_EQ(queue.putters().count(), 0U);
}

TEST_F(MessageQueueTest, ListsWhatIsHeld) {
  put(queue, "a");
  put(queue, "b");
  other.try_get();
  const auto holds = queue.holds();
  ASSERT_EQ(holds.size(), 1U);
  EXPECT_EQ(holds[0].owner, owner_of(1));
  EXPECT_EQ(holds[0].token, 0U);
}

TEST_F(MessageQueueTest, AbortsOnAnAcknowledgementOfWhatIsNotHeld) {
  put(queue, "a");
  const auto taken = other.try_get();
  EXPECT_DEATH(queue.ack(taken->sequence), "PREFORK_CHECK");
  other.ack(taken->sequence);
  EXPECT_DEATH(other.ack(taken->sequence), "PREFORK_CHECK");
}

TEST_F(MessageQueueTest, OrdersDeadLettersByAgeWhateverTheirNumbersAre) {
  MessageQueue strict = made.at(2, 1);
  put(queue, "a");
  put(queue, "b");
  for (int i = 0; i < 2; ++i) strict.nack(strict.try_get()->sequence);
  EXPECT_EQ(get(strict), "(none)");
  auto places = queue.find_dead(Spots::all());
  std::sort(places.begin(), places.end());
  ASSERT_EQ(places.size(), 2U);
  EXPECT_EQ(queue.dead_letter(places[0], 1)->bytes, "a");
  EXPECT_EQ(queue.dead_letter(places[1], 1)->bytes, "b");
  EXPECT_EQ(queue.find_dead({1, 1}).size() + queue.find_dead({0, 1}).size(), 2U) << "by pieces";
}

// The repair.

TEST_F(MessageQueueTest, RepairsInPiecesAndSeveralDeadAtOnce) {
  for (const char* text : {"a", "b", "c"}) put(queue, text);
  other.try_get();
  queue.try_get();
  OwnerSet dead;
  dead.insert(owner_of(1));
  dead.insert(owner_of(0));
  std::size_t freed = 0;
  for (std::size_t first = 0; first < queue.spots(); ++first) freed += queue.repair(dead, {first, 1});
  EXPECT_EQ(freed, 2U);
  MessageQueue third = made.at(2);
  for (const char* text : {"a", "b", "c"}) EXPECT_EQ(get(third), text);
}

TEST_F(MessageQueueTest, RepairDeliversAgainWhatTheDeadHeld) {
  for (const char* text : {"a", "b", "c"}) put(queue, text);
  other.try_get();
  other.try_get();
  EXPECT_EQ(get(queue), "c");
  EXPECT_EQ(queue.repair(owner_of(1)), 2U);
  const auto first = queue.try_get();
  EXPECT_EQ(text_of(first->bytes), "a");
  EXPECT_EQ(first->deliveries, 2U);
  queue.ack(first->sequence);
  EXPECT_EQ(get(queue), "b");
  EXPECT_EQ(get(queue), "(none)");
  EXPECT_EQ(queue.repair(owner_of(1)), 0U);
}

TEST_F(MessageQueueTest, RepairLeavesTheLivingWhatTheyHold) {
  put(queue, "a");
  const auto taken = queue.try_get();
  EXPECT_EQ(queue.repair(owner_of(1)), 0U);
  EXPECT_EQ(get(other), "(none)");
  queue.ack(taken->sequence);
}

/// Forks children that put and get until they are killed, and checks that every accepted message is acknowledged in its
/// order, except those that a killed child held.
TEST(MessageQueueKillTest, LosesAndDoublesNothingWhenProcessesAreKilledAnywhere) {
  constexpr int kRounds = 150;
  Parties parties;
  Made<MessageQueue> made({64, 16, 4}, parties);
  MessageQueue master = made.at(0);
  struct Tally {
    std::atomic<std::uint64_t> accepted, intended;
  };
  const SharedMemory memory = SharedMemory::create("tally", sizeof(Tally));
  auto& tally = *static_cast<Tally*>(memory.data());
  std::set<std::uint64_t> seen;
  std::uint64_t next = 0, doubled = 0, rewound = 0;
  for (int round = 0; round < kRounds; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      MessageQueue queue = made.at(1);
      for (std::uint64_t id = tally.intended.load();; ++id) {
        tally.intended.store(id + 1);
        while (queue.try_put(std::as_bytes(std::span(&id, 1))) != PutResult::done) {
        }
        tally.accepted.store(id + 1);
      }
    }
    std::optional<std::chrono::steady_clock::time_point> until;  // counted from its first message: it may start slowly
    bool killed = false;
    for (;;) {
      const auto taken = master.try_get();
      if (taken) {
        if (!until) until = std::chrono::steady_clock::now() + std::chrono::microseconds(37 * (round % 50));
        std::uint64_t id = 0;
        std::memcpy(&id, taken->bytes.data(), sizeof id);
        doubled += seen.insert(id).second ? 0 : 1;
        rewound += id < next ? 1 : 0;
        next = id + 1;
        master.ack(taken->sequence);
      } else if (killed) {
        break;
      }
      if (!killed && until && std::chrono::steady_clock::now() >= *until) {
        ::kill(child, SIGKILL);
        test::reap(child);
        master.repair(owner_of(1));
        killed = true;
      }
    }
    // The last one may have been published without the child having said so.
    EXPECT_LE(tally.accepted.load(), next);
    EXPECT_GE(tally.intended.load(), next);
    tally.intended.store(next);
    tally.accepted.store(next);
  }
  EXPECT_EQ(doubled, 0U);
  EXPECT_EQ(rewound, 0U);
  EXPECT_EQ(seen.size(), next);
  EXPECT_GE(next, std::uint64_t{kRounds});
}

/// Threads as processes: these run under the thread sanitizer too.
TEST(MessageQueueThreads, EveryMessageArrivesOnceAndInItsProducersOrder) {
  constexpr std::uint64_t kProducers = 3, kConsumers = 3, kEach = 3000;
  Parties parties;
  Made<MessageQueue> made({16, 16, 0}, parties);
  std::atomic<std::uint64_t> count{0}, disorder{0}, sum{0};
  std::vector<std::thread> threads;
  for (std::uint64_t p = 0; p < kProducers; ++p) {
    threads.emplace_back([&, p] {
      MessageQueue queue = made.at(p);
      auto sleeper = parties.sleeper(p);
      for (std::uint64_t i = 0; i < kEach; ++i) {
        const std::uint64_t message[2] = {p, i};
        ASSERT_EQ(queue.put(std::as_bytes(std::span(message)), sleeper, kNoDeadline), PutResult::done);
      }
    });
  }
  for (std::uint64_t c = 0; c < kConsumers; ++c) {
    threads.emplace_back([&, c] {
      MessageQueue queue = made.at(10 + c);
      auto sleeper = parties.sleeper(10 + c);
      std::uint64_t next[kProducers] = {};
      while (const auto taken = queue.get(sleeper, kNoDeadline)) {
        std::uint64_t message[2];
        std::memcpy(message, taken->bytes.data(), sizeof message);
        queue.ack(taken->sequence);
        disorder += message[1] < next[message[0]] ? 1 : 0;
        next[message[0]] = message[1] + 1;
        sum += message[1];
        if (++count == kProducers * kEach) queue.close();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count, kProducers * kEach);
  EXPECT_EQ(disorder, 0U);
  EXPECT_EQ(sum, kProducers * kEach * (kEach - 1) / 2);
}

TEST(MessageQueueThreads, GivingBackLosesAndDoublesNothing) {
  constexpr std::uint64_t kMessages = 3000;
  Parties parties;
  Made<MessageQueue> made({8, 16, 0}, parties);
  std::atomic<std::uint64_t> acknowledged{0}, sum{0};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    MessageQueue queue = made.at(0);
    auto sleeper = parties.sleeper(0);
    for (std::uint64_t i = 0; i < kMessages; ++i) queue.put(std::as_bytes(std::span(&i, 1)), sleeper, kNoDeadline);
  });
  for (std::size_t c = 1; c < 4; ++c) {
    threads.emplace_back([&, c] {
      MessageQueue queue = made.at(c);
      auto sleeper = parties.sleeper(c);
      while (const auto taken = queue.get(sleeper, kNoDeadline)) {
        std::uint64_t id = 0;
        std::memcpy(&id, taken->bytes.data(), sizeof id);
        if (taken->deliveries == 1 && id % 5 == 0) {
          queue.nack(taken->sequence);
          continue;
        }
        queue.ack(taken->sequence);
        sum += id;
        if (++acknowledged == kMessages) queue.close();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(acknowledged, kMessages);
  EXPECT_EQ(sum, kMessages * (kMessages - 1) / 2);
}

struct ShapeCase {
  MessageQueue::Shape shape;
  const char* sentence;
};

TEST(MessageQueueShape, SaysWhatIsWrong) {
  const ShapeCase cases[] = {
      {{0, 16, 0}, "capacity is 0, which is no power of two from 2 to 1048576: take 2"},
      {{1000, 16, 0}, "capacity is 1000, which is no power of two from 2 to 1048576: take 512 or 1024"},
      {{1U << 31, 16, 0}, "capacity is 2147483648, which is no power of two from 2 to 1048576: take 1048576"},
      {{16, 0, 0}, "message-bytes is 0: take 1 to 16777216"},
      {{16, 16, 2'000'000}, "dead-letters is 2000000: take 0 to 1048576"},
      {{16, 16, 0}, ""},
  };
  for (const auto& [shape, sentence] : cases) {
    EXPECT_EQ(test::thrown_by([&] { MessageQueue::check(shape); }), sentence);
  }
}

}  // namespace
}  // namespace prefork::ipc
