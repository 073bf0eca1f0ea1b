#include "ipc/objects/barrier.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "ipc/objects/sleeper.hpp"
#include "ipc/objects/wakeup.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::ipc {

/// Does half of what a party does, so that something can happen before the rest.
class BarrierProbe {
 public:
  static std::optional<Barrier::Arrival> claim(const Barrier& barrier) { return barrier.claim(); }
};

namespace {

/// A barrier in memory that children share, and a bell for each slot.
class Gate {
 public:
  explicit Gate(std::uint32_t parties, std::size_t slots = 8) : shape_{parties}, slots_(slots) {
    Barrier::check(shape_);
    size_ = Barrier::bytes(shape_, slots);
    memory_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw_errno("mmap");
    Barrier::format(memory_, shape_, slots);
  }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { ::munmap(memory_, size_); }
  Barrier barrier(std::size_t slot) const { return {memory_, shape_, slots_, party(slot)}; }
  Party party(std::size_t slot) const { return {owner_of(slot), &bells()}; }
  const Bells& bells() const { return wakeups_.bells(); }
  int wait_fd(std::size_t slot) const { return wakeups_.wait_fd(slot); }

 private:
  Barrier::Shape shape_;
  std::size_t slots_;
  std::size_t size_ = 0;
  void* memory_ = nullptr;
  Wakeups wakeups_ = Wakeups::create(slots_);
};

TEST(Barrier, SaysWhatIsWrongWithAShape) {
  const auto why = [](std::uint32_t parties) { return test::thrown_by([&] { Barrier::check({parties}); }); };
  EXPECT_EQ(why(1), "");
  EXPECT_EQ(why(65534), "");
  EXPECT_EQ(why(0), "parties is 0, which is not from 1 to 65534");
  EXPECT_EQ(why(65535), "parties is 65535, which is not from 1 to 65534");
}

TEST(Barrier, OfOneLetsEveryonePass) {
  const Gate gate(1);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    const auto arrival = gate.barrier(i % 3).arrive();
    ASSERT_TRUE(arrival);
    EXPECT_EQ(arrival->generation, i);
    EXPECT_TRUE(gate.barrier(i % 3).passed(*arrival));
    EXPECT_FALSE(gate.barrier(i % 3).give_up(*arrival)) << "it has passed";
  }
  EXPECT_EQ(gate.barrier(0).generation(), 6U);
  EXPECT_EQ(gate.barrier(0).repair(owner_of(0)), 0U) << "nobody waits any more";
}

TEST(Barrier, LetsThemPassWhenAllHaveArrived) {
  const Gate gate(3);
  const Barrier a = gate.barrier(0), b = gate.barrier(1), c = gate.barrier(2);
  for (std::uint64_t generation = 1; generation <= 3; ++generation) {
    const auto first = a.arrive(), second = b.arrive();
    ASSERT_TRUE(first && second);
    EXPECT_EQ(a.arrived(), 2U);
    EXPECT_FALSE(a.passed(*first));
    EXPECT_FALSE(b.passed(*second));
    const auto third = c.arrive();
    ASSERT_TRUE(third);
    EXPECT_TRUE(a.passed(*first) && b.passed(*second) && c.passed(*third));
    EXPECT_EQ(a.generation(), generation + 1);
    EXPECT_EQ(a.arrived(), 0U);
  }
}

TEST(Barrier, GivesThePlaceOfWhoGaveUpToAnother) {
  const Gate gate(2);
  const Barrier a = gate.barrier(0), b = gate.barrier(1), c = gate.barrier(2);
  const auto first = a.arrive();
  EXPECT_TRUE(a.give_up(*first));
  EXPECT_EQ(a.arrived(), 0U);
  const auto second = b.arrive();
  EXPECT_FALSE(b.passed(*second)) << "who has given up is not counted";
  const auto third = c.arrive();
  EXPECT_TRUE(b.passed(*second));
  EXPECT_FALSE(c.give_up(*third)) << "too late";
}

// Goal: whoever came last and stands still before it could say so holds up nobody who looks.
TEST(Barrier, IsHelpedByThoseWhoLook) {
  const Gate gate(2);
  const Barrier a = gate.barrier(0), b = gate.barrier(1);
  const auto first = a.arrive();
  const auto last = BarrierProbe::claim(b);
  ASSERT_TRUE(first && last);
  EXPECT_FALSE(gate.barrier(2).arrive()) << "all places are taken";
  EXPECT_TRUE(a.passed(*first));
  EXPECT_TRUE(b.passed(*last));
  EXPECT_TRUE(gate.barrier(2).arrive());
}

TEST(Barrier, LetsThreadsPassTogether) {
  constexpr std::size_t kParties = 4;
  constexpr std::uint64_t kRounds = 1000;
  const Gate gate(kParties);
  std::array<std::atomic<std::uint64_t>, kParties> rounds{};
  std::atomic<std::uint64_t> ahead{0};
  std::vector<std::thread> threads;
  for (std::size_t me = 0; me < kParties; ++me) {
    threads.emplace_back([&, me] {
      BellSleeper sleeper(gate.wait_fd(me));
      const Barrier barrier = gate.barrier(me);
      const std::uint64_t deadline = sleeper_clock_ns() + 20'000'000'000;
      const auto await = [&](auto attempt) {
        return wait_for(barrier.waiting(), gate.party(me), sleeper, deadline, attempt) == WaitEnd::done;
      };
      for (std::uint64_t round = 1; round <= kRounds; ++round) {
        rounds[me].store(round, std::memory_order_relaxed);
        std::optional<Barrier::Arrival> arrival;
        if (!await([&] { return (arrival = barrier.arrive()).has_value(); })) return;
        if (!await([&] { return barrier.passed(*arrival); })) return;
        for (const auto& other : rounds) ahead += other.load(std::memory_order_relaxed) < round ? 1U : 0U;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ahead.load(), 0U) << "nobody may pass before all have arrived";
  EXPECT_EQ(gate.barrier(0).generation(), kRounds + 1);
  EXPECT_EQ(gate.barrier(0).waiting().count(), 0U);
}

// Goal: more come than pass, and they give up at any time; each generation still passes with exactly two.
TEST(Barrier, CountsNobodyWhoGaveUp) {
  constexpr std::uint64_t kGenerations = 2000;
  const Gate gate(2);
  std::vector<std::atomic<int>> passed(kGenerations + 2);
  std::atomic<std::uint64_t> withdrawn{0};
  std::vector<std::thread> threads;
  for (std::size_t me = 0; me < 3; ++me) {
    threads.emplace_back([&, me] {
      const Barrier barrier = gate.barrier(me);
      for (unsigned turn = static_cast<unsigned>(me); barrier.generation() <= kGenerations; ++turn) {
        const auto arrival = barrier.arrive();
        if (!arrival) {
          std::this_thread::yield();
          continue;
        }
        bool through = false;
        for (unsigned tries = turn % 5; tries > 0 && !through; --tries) {
          through = barrier.passed(*arrival);
          if (!through) std::this_thread::yield();
        }
        if (!through) through = !barrier.give_up(*arrival);
        if (through) {
          ++passed.at(arrival->generation);
        } else {
          ++withdrawn;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::uint64_t generation = 1; generation <= kGenerations; ++generation) {
    ASSERT_EQ(passed[generation].load(), 2) << "generation " << generation;
  }
  EXPECT_GT(withdrawn.load(), 0U);
}

TEST(Barrier, IsRepairedAfterAPartyDied) {
  const Gate gate(2);
  const Barrier survivor = gate.barrier(1);
  for (int round = 0; round < 3; ++round) {
    const pid_t child = check_syscall(::fork(), "fork");
    if (child == 0) {
      gate.barrier(0).arrive();
      ::raise(SIGKILL);
    }
    test::reap(child);
    EXPECT_EQ(survivor.arrived(), 1U);
    EXPECT_EQ(survivor.repair(owner_of(0)), 1U);
    EXPECT_EQ(survivor.repair(owner_of(0)), 0U);
    const auto arrival = survivor.arrive();
    ASSERT_TRUE(arrival);
    EXPECT_FALSE(survivor.passed(*arrival)) << "the dead do not count";
    const auto successor = gate.barrier(0).arrive();
    ASSERT_TRUE(successor);
    EXPECT_TRUE(survivor.passed(*arrival));
  }
}

// Goal: a party killed at any time leaves a barrier that works, after the repair.
TEST(Barrier, OutlivesPartiesThatAreKilledAtRandom) {
  const Gate gate(2);
  const Barrier survivor = gate.barrier(1);
  for (int round = 0; round < 40; ++round) {
    const pid_t child = check_syscall(::fork(), "fork");
    if (child == 0) {
      const Barrier barrier = gate.barrier(0);
      for (unsigned turn = 0;; ++turn) {
        const auto arrival = barrier.arrive();
        for (unsigned tries = turn % 50; arrival && tries > 0 && !barrier.passed(*arrival); --tries) ::sched_yield();
        if (arrival) barrier.give_up(*arrival);
      }
    }
    const std::uint64_t start = survivor.generation();
    for (int turn = 0; turn < 50 + 11 * round || survivor.generation() == start; ++turn) {
      const auto arrival = survivor.arrive();
      for (int tries = 0; arrival && tries < 5 && !survivor.passed(*arrival); ++tries) ::sched_yield();
      if (arrival) survivor.give_up(*arrival);
    }
    ::kill(child, SIGKILL);
    test::reap(child);
    EXPECT_LE(survivor.repair(owner_of(0)), 1U);
    ASSERT_EQ(survivor.arrived(), 0U);
    const auto arrival = survivor.arrive();
    const auto other = gate.barrier(2).arrive();
    ASSERT_TRUE(arrival && other);
    ASSERT_TRUE(survivor.passed(*arrival));
  }
}

}  // namespace
}  // namespace prefork::ipc
