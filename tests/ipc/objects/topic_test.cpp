#include "ipc/objects/topic.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <string_view>
#include <thread>

#include "ipc/objects/sleeper.hpp"
#include "ipc/objects/wakeup.hpp"
#include "tests/ipc/support.hpp"

namespace prefork::ipc {

/// Does the steps of publishing one by one, so that something can happen between them.
class TopicProbe {
 public:
  static bool claim(const Topic& topic, std::uint64_t& position) {
    return topic.claim(position) == Topic::Step::claimed;
  }
  static void write(const Topic& topic, std::uint64_t position, std::span<const std::byte> text) {
    topic.write(position, text);
  }
  static bool make_ready(const Topic& topic, std::uint64_t position) { return topic.make_ready(position); }
  static void release(const Topic& topic, std::uint64_t position) { topic.release(position); }
};

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

/// A topic in memory that children share, and a bell for each slot.
class Room {
 public:
  explicit Room(Topic::Shape shape, std::size_t slots = 16) : shape_(shape), slots_(slots) {
    Topic::check(shape);
    size_ = Topic::bytes(shape, slots);
    memory_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw_errno("mmap");
    Topic::format(memory_, shape, slots);
  }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  ~Room() { ::munmap(memory_, size_); }
  Topic topic(std::size_t slot) const { return {memory_, shape_, slots_, {owner_of(slot), &bells()}}; }
  const Bells& bells() const { return wakeups_.bells(); }
  int wait_fd(std::size_t slot) const { return wakeups_.wait_fd(slot); }

 private:
  Topic::Shape shape_;
  std::size_t slots_;
  std::size_t size_ = 0;
  void* memory_ = nullptr;
  Wakeups wakeups_ = Wakeups::create(slots_);
};

/// The result of the next poll, as text: the message, "-" for nothing, "lost N".
std::string next(const Topic& topic, Topic::Cursor& cursor) {
  std::vector<std::byte> buffer(topic.shape().message_bytes);
  const Topic::Poll got = topic.poll(cursor, buffer);
  if (got.what == Topic::Polled::none) return "-";
  if (got.what == Topic::Polled::lost) return "lost " + std::to_string(got.lost);
  std::string text(got.bytes, '\0');
  if (got.bytes > 0) std::memcpy(text.data(), buffer.data(), got.bytes);
  return text;
}

/// A message that shows whether it is whole.
struct Letter {
  std::uint32_t from = 0;
  std::uint32_t number = 0;
  std::array<std::uint64_t, 12> body{};

  static Letter make(std::uint32_t from, std::uint32_t number) {
    Letter letter{from, number, {}};
    for (std::size_t i = 0; i < letter.body.size(); ++i) letter.body[i] = letter.word(i);
    return letter;
  }
  std::uint64_t word(std::size_t i) const { return (std::uint64_t{from} << 40 | number) * 0x9e3779b97f4a7c15U + i; }
  bool whole() const {
    for (std::size_t i = 0; i < body.size(); ++i) {
      if (body[i] != word(i)) return false;
    }
    return true;
  }
};

Topic::Published publish(const Topic& topic, const Letter& letter) {
  return topic.publish(std::as_bytes(std::span(&letter, 1)));
}

void publish_for_certain(const Topic& topic, const Letter& letter) {
  while (publish(topic, letter) != Topic::Published::done) std::this_thread::yield();
}

/// What a subscriber has received.
struct Account {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> letters;
  std::uint64_t lost = 0;
  std::size_t torn = 0;

  bool in_order() const {
    std::map<std::uint32_t, std::uint32_t> last;
    for (const auto& [from, number] : letters) {
      if (const auto it = last.find(from); it != last.end() && it->second >= number) return false;
      last[from] = number;
    }
    return true;
  }
};

/// Takes what there is. @return something was there
bool take(const Topic& topic, Topic::Cursor& cursor, Account& account) {
  Letter letter;
  const Topic::Poll got = topic.poll(cursor, std::as_writable_bytes(std::span(&letter, 1)));
  if (got.what == Topic::Polled::none) return false;
  account.lost += got.lost;
  if (got.what == Topic::Polled::message) {
    account.torn += letter.whole() && got.bytes == sizeof letter ? 0 : 1;
    account.letters.emplace_back(letter.from, letter.number);
  }
  return true;
}

TEST(Topic, SaysWhatIsWrongWithAShape) {
  const auto why = [](std::uint32_t capacity, std::uint32_t bytes) {
    return test::thrown_by([&] { Topic::check({capacity, bytes}); });
  };
  EXPECT_EQ(why(2, 1), "");
  EXPECT_EQ(why(1U << 20, 1U << 20), "");
  EXPECT_EQ(why(1000, 64), "capacity is 1000, which is no power of two: take 512 or 1024");
  EXPECT_EQ(why(0, 64), "capacity is 0, which is not from 2 to 1048576");
  EXPECT_EQ(why(1U << 21, 64), "capacity is 2097152, which is not from 2 to 1048576");
  EXPECT_EQ(why(16, 0), "message_bytes is 0, which is not from 1 to 1048576");
  EXPECT_EQ(why(16, 1048577), "message_bytes is 1048577, which is not from 1 to 1048576");
  EXPECT_EQ(Topic::bytes({1U << 20, 1U << 20}, 65534) >> 40, 1U);
}

TEST(Topic, GivesEveryMessageToEverySubscriber) {
  const Room room({8, 20});
  const Topic topic = room.topic(0);
  Topic::Cursor first = topic.join();
  Topic::Cursor second = topic.join();
  EXPECT_EQ(next(topic, first), "-");
  const std::string longest(20, 'x');
  for (const std::string& text : {std::string("one"), std::string(), std::string("8 bytes."), longest}) {
    EXPECT_EQ(topic.publish(bytes_of(text)), Topic::Published::done);
  }
  EXPECT_EQ(topic.publish(bytes_of(longest + "x")), Topic::Published::too_long);
  for (Topic::Cursor* cursor : {&first, &second}) {
    EXPECT_EQ(next(topic, *cursor), "one");
    EXPECT_EQ(next(topic, *cursor), "");
    EXPECT_EQ(next(topic, *cursor), "8 bytes.");
    EXPECT_EQ(next(topic, *cursor), longest);
    EXPECT_EQ(next(topic, *cursor), "-");
  }
  EXPECT_EQ(topic.published(), 4U);
  EXPECT_EQ(topic.held(), 0U);
}

TEST(Topic, LetsASubscriberJoinAtTheTailOrWithTheLast) {
  const Room room({4, 8});
  const Topic topic = room.topic(0);
  EXPECT_EQ(next(topic, *std::make_unique<Topic::Cursor>(topic.join(3))), "-") << "nothing was published yet";
  for (const std::string_view text : {"a", "b", "c", "d", "e", "f"}) topic.publish(bytes_of(text));
  Topic::Cursor tail = topic.join();
  Topic::Cursor two = topic.join(2);
  Topic::Cursor all = topic.join(1000);
  EXPECT_EQ(next(topic, tail), "-");
  EXPECT_EQ(next(topic, two), "e");
  EXPECT_EQ(next(topic, two), "f");
  EXPECT_EQ(next(topic, two), "-");
  EXPECT_EQ(next(topic, all), "c") << "no more than the ring has";
}

TEST(Topic, TellsAnOverrunSubscriberHowManyItLost) {
  const Room room({8, 8});
  const Topic topic = room.topic(0);
  Topic::Cursor cursor = topic.join();
  for (int i = 0; i < 100; ++i) {
    for (int k = 0; k < 20; ++k) topic.publish(bytes_of(std::to_string(k)));
    EXPECT_EQ(next(topic, cursor), "lost 12");
    for (int k = 12; k < 20; ++k) EXPECT_EQ(next(topic, cursor), std::to_string(k));
    EXPECT_EQ(next(topic, cursor), "-");
  }
}

TEST(Topic, GoesRoundAPublisherThatStandsStill) {
  const Room room({4, 8});
  const Topic slow = room.topic(0);
  const Topic quick = room.topic(1);
  Topic::Cursor cursor = quick.join();
  Topic::Cursor late = quick.join();
  std::uint64_t position = 0;
  ASSERT_TRUE(TopicProbe::claim(slow, position));
  EXPECT_EQ(next(quick, cursor), "-");
  for (const std::string_view text : {"a", "b", "c"}) EXPECT_EQ(quick.publish(bytes_of(text)), Topic::Published::done);
  EXPECT_EQ(next(quick, cursor), "-") << "in the order of positions";
  EXPECT_EQ(quick.publish(bytes_of("d")), Topic::Published::done) << "the slow one's position goes by";
  EXPECT_EQ(quick.held(), 1U);
  EXPECT_EQ(next(quick, cursor), "lost 2") << "the slow one's, and that of which the slot was used again";
  EXPECT_EQ(next(quick, cursor), "b");
  for (const std::string_view text : {"e", "f", "g", "h"}) quick.publish(bytes_of(text));
  TopicProbe::write(slow, position, bytes_of("slow"));
  EXPECT_FALSE(TopicProbe::make_ready(slow, position));
  TopicProbe::release(slow, position);
  EXPECT_EQ(quick.held(), 0U);
  EXPECT_EQ(slow.publish(bytes_of("slow")), Topic::Published::done);
  std::string all;
  for (std::string got; (got = next(quick, late)) != "-";) all += got + " ";
  EXPECT_TRUE(all.ends_with("g h slow ")) << all;
  EXPECT_EQ(all.find("slow"), all.rfind("slow")) << "once";
}

TEST(Topic, SaysThatItIsStalledWhenAllSlotsAreHeld) {
  const Room room({4, 8});
  std::array<std::uint64_t, 4> positions{};
  for (std::size_t i = 0; i < 4; ++i) ASSERT_TRUE(TopicProbe::claim(room.topic(i), positions[i]));
  const Topic topic = room.topic(5);
  EXPECT_EQ(topic.held(), 4U);
  EXPECT_EQ(topic.publish(bytes_of("x")), Topic::Published::stalled);
  EXPECT_EQ(topic.publish(bytes_of("x")), Topic::Published::stalled);
  Topic::Cursor cursor = topic.join();
  EXPECT_EQ(topic.repair(owner_of(2)), 1U);
  EXPECT_EQ(topic.repair(owner_of(2)), 0U);
  EXPECT_EQ(topic.publish(bytes_of("y")), Topic::Published::done);
  EXPECT_EQ(next(topic, cursor), "y") << "void positions are skipped";
  for (std::size_t i : {0U, 1U, 3U}) TopicProbe::release(room.topic(i), positions[i]);
  EXPECT_EQ(topic.held(), 0U);
}

TEST(Topic, LetsASubscriberPassOverAPublisher) {
  const Room room({4, 8});
  const Topic slow = room.topic(0);
  const Topic quick = room.topic(1);
  Topic::Cursor cursor = quick.join();
  EXPECT_FALSE(quick.pass_over(cursor)) << "nobody writes there";
  std::uint64_t position = 0;
  ASSERT_TRUE(TopicProbe::claim(slow, position));
  quick.publish(bytes_of("quick"));
  EXPECT_EQ(next(quick, cursor), "-");
  EXPECT_TRUE(quick.pass_over(cursor));
  EXPECT_FALSE(quick.pass_over(cursor));
  EXPECT_EQ(next(quick, cursor), "quick");
  EXPECT_FALSE(TopicProbe::make_ready(slow, position));
  TopicProbe::release(slow, position);
  EXPECT_EQ(quick.held(), 0U);
}

// Goal: with a ring large enough, every subscriber gets everything, in one and the same order, and sleeps well.
TEST(Topic, LosesNothingBetweenManyThreads) {
  constexpr std::uint32_t kPublishers = 4;
  constexpr std::uint32_t kLetters = 1000;
  const Room room({kPublishers * 1024, sizeof(Letter)});
  std::array<Account, 3> accounts;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < accounts.size(); ++i) {
    threads.emplace_back(
        [&room, &account = accounts[i], topic = room.topic(8 + i), cursor = room.topic(0).join(), i]() mutable {
          BellSleeper sleeper(room.wait_fd(8 + i));
          const std::uint64_t deadline = sleeper_clock_ns() + 20'000'000'000;
          while (account.letters.size() < kPublishers * kLetters && account.lost == 0) {
            const auto end = wait_for(topic.waiting(), {owner_of(8 + i), &room.bells()}, sleeper, deadline,
                                      [&] { return take(topic, cursor, account); });
            if (end != WaitEnd::done) break;
          }
        });
  }
  for (std::uint32_t p = 0; p < kPublishers; ++p) {
    threads.emplace_back([topic = room.topic(p), p] {
      for (std::uint32_t i = 0; i < kLetters; ++i) publish_for_certain(topic, Letter::make(p, i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Account& account : accounts) {
    EXPECT_EQ(account.letters.size(), kPublishers * kLetters);
    EXPECT_EQ(account.lost, 0U);
    EXPECT_EQ(account.torn, 0U);
    EXPECT_TRUE(account.in_order());
    EXPECT_EQ(account.letters, accounts[0].letters);
  }
  EXPECT_EQ(room.topic(0).waiting().count(), 0U);
}

// Goal: overrun again and again, a subscriber never takes a torn message, nor one twice, and its account adds up.
TEST(Topic, AccountsForEveryMessageUnderOverrun) {
  constexpr std::uint32_t kPublishers = 3;
  constexpr std::uint32_t kLetters = 5000;
  for (const std::uint32_t capacity : {2U, 8U, 256U}) {
    const Room room({capacity, sizeof(Letter)});
    std::array<Account, 2> accounts;
    std::atomic<bool> over{false};
    std::vector<std::thread> subscribers;
    for (std::size_t i = 0; i < accounts.size(); ++i) {
      subscribers.emplace_back(
          [&over, &account = accounts[i], topic = room.topic(8 + i), cursor = room.topic(0).join()]() mutable {
            for (bool last = false; !last;) {
              last = over.load();
              while (take(topic, cursor, account)) continue;
            }
          });
    }
    std::vector<std::thread> publishers;
    for (std::uint32_t p = 0; p < kPublishers; ++p) {
      publishers.emplace_back([topic = room.topic(p), p] {
        for (std::uint32_t i = 0; i < kLetters; ++i) publish_for_certain(topic, Letter::make(p, i));
      });
    }
    for (std::thread& thread : publishers) thread.join();
    over = true;
    for (std::thread& thread : subscribers) thread.join();
    const std::uint64_t positions = room.topic(0).published();
    EXPECT_GE(positions, kPublishers * kLetters);
    for (const Account& account : accounts) {
      EXPECT_EQ(account.torn, 0U);
      EXPECT_TRUE(account.in_order());
      const std::uint64_t accounted = account.letters.size() + account.lost;
      EXPECT_GE(accounted, kPublishers * kLetters);
      EXPECT_LE(accounted, positions) << "positions that a lapped publisher left void may be counted";
    }
    EXPECT_EQ(room.topic(0).held(), 0U);
  }
}

TEST(Topic, IsRepairedAfterAPublisherDied) {
  const Room room({4, 8});
  const Topic topic = room.topic(1);
  Topic::Cursor cursor = topic.join();
  const pid_t child = check_syscall(::fork(), "fork");
  if (child == 0) {
    std::uint64_t position = 0;
    TopicProbe::claim(room.topic(0), position);
    TopicProbe::write(room.topic(0), position, bytes_of("half"));
    ::raise(SIGKILL);
  }
  test::reap(child);
  topic.publish(bytes_of("after"));
  EXPECT_EQ(next(topic, cursor), "-");
  EXPECT_EQ(topic.repair(owner_of(0)), 1U);
  EXPECT_EQ(topic.held(), 0U);
  EXPECT_EQ(next(topic, cursor), "after");
  EXPECT_EQ(next(topic, cursor), "-");
}

TEST(Topic, IsNotHeldUpByAStoppedPublisher) {
  const Room room({4, 8});
  const Topic topic = room.topic(1);
  const pid_t child = check_syscall(::fork(), "fork");
  if (child == 0) {
    const Topic own = room.topic(0);
    std::uint64_t position = 0;
    TopicProbe::claim(own, position);
    ::raise(SIGSTOP);
    TopicProbe::write(own, position, bytes_of("late"));
    if (TopicProbe::make_ready(own, position)) ::_exit(1);
    TopicProbe::release(own, position);
    ::_exit(own.publish(bytes_of("late")) == Topic::Published::done ? 0 : 2);
  }
  int status = 0;
  retry_eintr([&] { return ::waitpid(child, &status, WUNTRACED); });
  ASSERT_TRUE(WIFSTOPPED(status));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(topic.publish(bytes_of("quick")), Topic::Published::done);
  Topic::Cursor cursor = topic.join();
  ::kill(child, SIGCONT);
  EXPECT_EQ(test::reap(child), 0);
  EXPECT_EQ(next(topic, cursor), "late");
  EXPECT_EQ(next(topic, cursor), "-");
  EXPECT_EQ(topic.held(), 0U);
}

// Goal: publishers killed at any time leave nothing torn, and nothing held after the repair.
TEST(Topic, OutlivesPublishersThatAreKilledAtRandom) {
  const Room room({8, sizeof(Letter)});
  const Topic topic = room.topic(1);
  Topic::Cursor cursor = topic.join();
  Account account;
  for (std::uint32_t round = 0; round < 40; ++round) {
    const pid_t child = check_syscall(::fork(), "fork");
    if (child == 0) {
      for (std::uint32_t i = 0;; ++i) publish(room.topic(0), Letter::make(round, i));
    }
    const std::size_t before = account.letters.size();
    for (std::uint32_t i = 0; i < 200 + 37 * round || account.letters.size() == before; ++i) {
      publish(topic, Letter::make(1000, round * 1'000'000 + i));
      take(topic, cursor, account);
    }
    ::kill(child, SIGKILL);
    test::reap(child);
    EXPECT_LE(topic.repair(owner_of(0)), 1U);
    EXPECT_EQ(topic.held(), 0U);
  }
  while (take(topic, cursor, account)) continue;
  EXPECT_EQ(account.torn, 0U);
  EXPECT_TRUE(account.in_order());
}

}  // namespace
}  // namespace prefork::ipc
