#include "framework/worker/shared/shared_topic.hpp"

#include <gmock/gmock.h>
#include <signal.h>

#include "framework/worker/shared/signal_message.hpp"
#include "tests/framework/worker/shared/sharing.hpp"

namespace prefork::ipc {

/// A publisher that stands still in the middle of a message.
class TopicProbe {
 public:
  static bool claim(const Topic& topic) {
    std::uint64_t position = topic.published() + topic.shape().capacity;
    return topic.claim(position) == Topic::Step::claimed;
  }
};

}  // namespace prefork::ipc

namespace prefork::worker {
namespace {

using namespace test;
using testing::ElementsAre;

struct SharedTopicTest : Sharing {
  SharedTopicTest() {
    make("news", {.kind = ipc::SharedKind::topic, .capacity = 4, .message_bytes = 16, .columns = {}});
  }
  Topic& topic_of(SharingWorker& worker) { return static_cast<Context&>(worker.host).topic("news"); }
  Task<void> follow(SharingWorker& worker, std::string mark, std::size_t history = 0) {
    Subscription subscription = topic_of(worker).subscribe(history);
    while (const auto news = co_await subscription.next()) {
      got.push_back(mark + (news->lost > 0 ? "lost " + std::to_string(news->lost) : std::string(news->bytes)));
    }
  }
  void end() {
    for (auto* worker : {&a, &b}) {
      worker->runtime.drain = DrainMode::patient;
      worker->waits.on_drain();
    }
    EXPECT_TRUE(turn_until([&] { return a.idle() && b.idle(); }));
  }
  std::vector<std::string> got;
};

TEST_F(SharedTopicTest, EverySubscriberGetsEveryMessage) {
  a.run(follow(a, "a:"));
  b.run(follow(b, "b:"));
  b.run(follow(b, "c:"));
  turn_some();
  EXPECT_TRUE(topic_of(a).publish("x"));
  EXPECT_TRUE(turn_until([&] { return got.size() == 3; }));
  EXPECT_THAT(got, testing::UnorderedElementsAre("a:x", "b:x", "c:x"));
  end();
}

TEST_F(SharedTopicTest, JoinsWithTheLastAndTellsWhatWasLost) {
  for (const char* text : {"1", "2", "3"}) EXPECT_TRUE(topic_of(a).publish(text));
  Subscription slow = topic_of(b).subscribe();
  b.run(follow(b, "", 2));
  EXPECT_THAT(got, ElementsAre("2", "3"));
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(topic_of(a).publish("more"));
  const auto first = slow.next_nowait();
  EXPECT_EQ(first->lost, 2U);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(slow.next_nowait()->bytes, "more");
  EXPECT_FALSE(slow.next_nowait().has_value());
  end();
}

TEST_F(SharedTopicTest, PassesOverAPublisherThatStandsStill) {
  b.run(follow(b, ""));
  turn_some();
  const ipc::Topic stopped(objects[0]->memory(), {4, 16}, objects[0]->slots(), parties.party(5));
  ASSERT_TRUE(ipc::TopicProbe::claim(stopped));
  EXPECT_TRUE(topic_of(a).publish("behind it"));
  turn_some();
  EXPECT_THAT(got, ElementsAre()) << "the order is kept as long as there is hope";
  EXPECT_TRUE(turn_until([&] {
    b.waits.recheck();
    return !got.empty();
  }));
  EXPECT_THAT(got, ElementsAre("behind it"));
  end();
}

TEST_F(SharedTopicTest, RefusesWhatIsTooLong) {
  EXPECT_THROW((void)topic_of(a).publish(std::string(17, 'x')), std::length_error);
  EXPECT_EQ(topic_of(a).capacity(), 4U);
  EXPECT_EQ(topic_of(a).max_message_bytes(), 16U);
}

struct SignalsTest : Sharing {
  SignalsTest() {
    ipc::SharedObject& topic = make(
        "signals", {.kind = ipc::SharedKind::topic, .capacity = 16, .message_bytes = kMaxSignalBytes, .columns = {}});
    setup.signals = &topic;
    a.share(setup);
    b.share(setup);
    static_cast<Context&>(b.host).on_signal("note", [this](Signal signal) {
      got.push_back(signal.name + "=" + signal.payload + " from " + signal.from_pool + "/" +
                    std::to_string(signal.from_worker));
    });
  }
  void TearDown() override {
    for (auto* worker : {&a, &b}) {
      worker->runtime.drain = DrainMode::patient;
      worker->waits.on_drain();
    }
    turn_some();
    Sharing::TearDown();
  }
  Context& from() { return a.host; }
  std::vector<std::string> got;
};

TEST_F(SignalsTest, ReachTheWorkersThatAreMeant) {
  EXPECT_TRUE(from().signal("main", "note", "all"));
  EXPECT_TRUE(from().signal("main/1", "note", "one"));
  EXPECT_TRUE(from().signal("main/0", "note", "not you"));
  EXPECT_TRUE(from().signal("other", "note", "not you"));
  EXPECT_TRUE(from().signal("main", "other-name", "not you"));
  EXPECT_TRUE(from().signal("main/1", "note", "last"));
  EXPECT_TRUE(turn_until([&] { return got.size() >= 3; }));
  EXPECT_THAT(got, ElementsAre("note=all from main/0", "note=one from main/0", "note=last from main/0"));
}

TEST_F(SignalsTest, ACallbackMayBeACoroutineAndMayThrow) {
  static_cast<Context&>(b.host).on_signal("slow", [this](Signal signal) -> Task<void> {
    co_await static_cast<Context&>(b.host).sleep_for(2ms);
    got.push_back("slow " + signal.payload);
    throw std::runtime_error("tired");
  });
  EXPECT_TRUE(from().signal("main/1", "slow", "x"));
  EXPECT_TRUE(turn_until([&] { return got.size() == 1; }));
  EXPECT_THAT(got, ElementsAre("slow x"));
  EXPECT_THAT(b.log.lines, testing::Contains(testing::HasSubstr("on_signal: tired")));
}

TEST_F(SignalsTest, RefusesBadTargetsAndLengths) {
  for (const char* target : {"", "/1", "main/", "main/x", "main/70000", "main/1/2"}) {
    EXPECT_THROW((void)from().signal(target, "note"), std::invalid_argument) << target;
  }
  EXPECT_THROW((void)from().signal("main", ""), std::length_error);
  EXPECT_THROW((void)from().signal("main", "note", std::string(901, 'x')), std::length_error);
  EXPECT_TRUE(from().signal("main", "note", std::string(900, 'x')));
  EXPECT_TRUE(turn_until([&] { return got.size() == 1; }));
}

TEST_F(SignalsTest, OperatorsSignalsHaveNumbers) {
  int heard = 0;
  static_cast<Context&>(b.host).on_signal(SIGUSR1, [&] { ++heard; });
  b.signals->on_number(SIGUSR1);
  b.signals->on_number(SIGUSR2);
  EXPECT_EQ(heard, 1);
}

TEST_F(SignalsTest, MustBeDeclared) {
  setup.signals = nullptr;
  a.share(setup);
  EXPECT_EQ(prefork::test::thrown_by([&] { (void)from().signal("main", "note"); }),
            "signals are used, but describe() does not declare signals()");
}

TEST(SignalMessage, SurvivesItsEncoding) {
  for (const std::optional<unsigned> worker : {std::optional<unsigned>(), std::optional<unsigned>(0U)}) {
    const std::string bytes = encode_signal({"main", worker, "note", "other", 12, std::string_view("\0\xff", 2)});
    const auto message = decode_signal(bytes);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->pool, "main");
    EXPECT_EQ(message->worker, worker);
    EXPECT_EQ(message->name, "note");
    EXPECT_EQ(message->from_pool, "other");
    EXPECT_EQ(message->from_worker, 12U);
    EXPECT_EQ(message->payload, std::string_view("\0\xff", 2));
    for (std::size_t cut = 0; cut < 7; ++cut) EXPECT_FALSE(decode_signal(std::string_view(bytes).substr(0, cut)));
    for (std::size_t cut = 7; cut < bytes.size(); ++cut) decode_signal(std::string_view(bytes).substr(0, cut));
  }
  EXPECT_FALSE(decode_signal(std::string("\x09\x00\x00\x00\x00\x00\x00main", 11)));
}

}  // namespace
}  // namespace prefork::worker
