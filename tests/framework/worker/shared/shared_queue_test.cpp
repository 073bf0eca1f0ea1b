#include "framework/worker/shared/shared_queue.hpp"

#include <gmock/gmock.h>

#include "tests/framework/worker/shared/sharing.hpp"

namespace prefork::worker {
namespace {

using namespace test;
using testing::ElementsAre;

struct SharedQueueTest : Sharing {
  SharedQueueTest() {
    make("jobs", {.kind = ipc::SharedKind::queue, .capacity = 4, .message_bytes = 16, .dead_letters = 2, .columns = {}},
         3);
  }
  Queue& queue_of(SharingWorker& worker) { return static_cast<Context&>(worker.host).queue("jobs"); }
  /// Takes one message after the other and records them, until there are no more.
  Task<void> collect(SharingWorker& worker, std::string mark, std::chrono::milliseconds timeout = kForever) {
    for (;;) {
      auto message = co_await queue_of(worker).get(timeout);
      why.push_back(message.reason());
      if (!message) break;
      got.push_back(mark + std::string(message->bytes()));
      message->ack();
    }
    got.push_back(mark + "end");
  }
  Task<void> put(SharingWorker& worker, std::string text, PutOptions options = {}) {
    status.push_back(co_await queue_of(worker).put(text, options));
  }

  std::vector<std::string> got;
  std::vector<PutStatus> status;
  std::vector<Reason> why;  // each get() of collect() ended
};

TEST_F(SharedQueueTest, WakesACoroutineOfAnotherWorker) {
  b.run(collect(b, "b:"));
  turn_some();
  EXPECT_THAT(got, ElementsAre());
  EXPECT_EQ(queue_of(a).put_nowait("one"), PutStatus::done);
  EXPECT_EQ(queue_of(a).put_nowait("two"), PutStatus::done);
  EXPECT_TRUE(turn_until([&] { return got.size() == 2; }));
  EXPECT_THAT(got, ElementsAre("b:one", "b:two"));
  queue_of(a).close();
  EXPECT_TRUE(turn_until([&] { return b.idle(); }));
  EXPECT_EQ(got.back(), "b:end");
  EXPECT_THAT(why, ElementsAre(Reason::done, Reason::done, Reason::closed));
  EXPECT_EQ(objects[0]->report().waiters, 0U);
}

TEST_F(SharedQueueTest, ServesTheCoroutinesOfAWorkerInTheirOrder) {
  b.run(collect(b, "1:"));
  b.run(collect(b, "2:"));
  for (const char* text : {"x", "y", "z"}) {
    EXPECT_EQ(queue_of(a).put_nowait(text), PutStatus::done);
    EXPECT_TRUE(turn_until([&] { return queue_of(a).empty(); }));
  }
  EXPECT_THAT(got, ElementsAre("1:x", "2:y", "1:z"));
  queue_of(b).close();
  EXPECT_TRUE(turn_until([&] { return b.idle(); }));
}

TEST_F(SharedQueueTest, SharesTheWorkAmongWorkers) {
  a.run(collect(a, "a"));
  b.run(collect(b, "b"));
  turn_some();
  EXPECT_EQ(queue_of(a).put_nowait("1"), PutStatus::done);
  EXPECT_EQ(queue_of(a).put_nowait("2"), PutStatus::done);
  EXPECT_TRUE(turn_until([&] { return got.size() == 2; }));
  EXPECT_THAT(got, testing::UnorderedElementsAre(testing::EndsWith("1"), testing::EndsWith("2")));
  queue_of(a).close();
  EXPECT_TRUE(turn_until([&] { return a.idle() && b.idle(); }));
}

TEST_F(SharedQueueTest, TimeOutsEndWaits) {
  b.run(collect(b, "", 5ms));
  EXPECT_TRUE(turn_until([&] { return b.idle(); }));
  EXPECT_THAT(got, ElementsAre("end"));
  EXPECT_THAT(why, ElementsAre(Reason::timed_out));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(queue_of(a).put_nowait("x"), PutStatus::done);
  a.run(put(a, "late", {.timeout = 5ms}));
  EXPECT_TRUE(turn_until([&] { return a.idle(); }));
  EXPECT_THAT(status, ElementsAre(PutStatus::full));
  EXPECT_EQ(objects[0]->report().waiters, 0U);
}

TEST_F(SharedQueueTest, WhatWasPutBeforeTheCloseIsGotBeforeItIsTold) {
  EXPECT_EQ(queue_of(b).get_nowait().reason(), Reason::nothing);
  EXPECT_EQ(queue_of(a).put_nowait("last"), PutStatus::done);
  queue_of(a).close();
  auto last = queue_of(b).get_nowait();
  EXPECT_EQ(last.reason(), Reason::done);
  last->ack();
  EXPECT_EQ(queue_of(b).get_nowait().reason(), Reason::closed);
  EXPECT_EQ(queue_of(a).put_nowait("late"), PutStatus::closed);
}

TEST_F(SharedQueueTest, ATemporaryThatIsPutIsKept) {
  const auto put_later = [&]() -> Task<void> {
    Task<PutStatus> later = queue_of(a).put(std::string(16, 'x'));
    status.push_back(co_await later);
  };
  a.run(put_later());
  EXPECT_THAT(status, ElementsAre(PutStatus::done));
  auto message = queue_of(b).get_nowait();
  EXPECT_EQ(message->bytes(), std::string(16, 'x'));
  message->ack();
}

TEST_F(SharedQueueTest, PutWaitsForRoom) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(queue_of(a).put_nowait("x"), PutStatus::done);
  a.run(put(a, "more"));
  turn_some();
  EXPECT_FALSE(a.idle());
  queue_of(b).get_nowait()->ack();
  EXPECT_TRUE(turn_until([&] { return a.idle(); }));
  EXPECT_THAT(status, ElementsAre(PutStatus::done));
}

TEST_F(SharedQueueTest, AWaitWithoutTimeOutEndsWhenTheWorkerDrainsAndOthersDoNot) {
  b.run(collect(b, "endless:"));
  b.run(collect(b, "timed:", 1h));
  turn_some();
  b.runtime.drain = DrainMode::patient;
  b.waits.on_drain();
  turn_some();
  EXPECT_THAT(got, ElementsAre("endless:end"));
  EXPECT_THAT(why, ElementsAre(Reason::draining));
  b.run(collect(b, "later:"));
  turn_some();
  EXPECT_EQ(got.back(), "later:end");
  EXPECT_EQ(queue_of(a).put_nowait("x"), PutStatus::done);
  EXPECT_TRUE(turn_until([&] { return got.back() == "timed:x"; }));
  queue_of(a).close();
  EXPECT_TRUE(turn_until([&] { return b.idle(); }));
}

TEST_F(SharedQueueTest, AMessageThatIsLetGoIsDeliveredAgain) {
  EXPECT_EQ(queue_of(a).put_nowait("x"), PutStatus::done);
  {
    const auto first = queue_of(b).get_nowait();
    EXPECT_EQ(first->deliveries(), 1U);
  }
  auto second = queue_of(b).get_nowait();
  EXPECT_EQ(second->deliveries(), 2U);
  auto moved = std::move(*second);
  EXPECT_EQ(moved.bytes(), "x");
  moved.ack();
  moved.ack();  // once is enough
  EXPECT_FALSE(queue_of(b).get_nowait().has_value());
}

TEST_F(SharedQueueTest, ReplacingAMessageGivesTheFirstBack) {
  EXPECT_EQ(queue_of(a).put_nowait("x"), PutStatus::done);
  EXPECT_EQ(queue_of(a).put_nowait("y"), PutStatus::done);
  auto first = queue_of(b).get_nowait();
  auto second = queue_of(b).get_nowait();
  *first = std::move(*second);
  EXPECT_EQ(first->bytes(), "y");
  EXPECT_EQ(queue_of(a).get_nowait()->bytes(), "x");
}

TEST_F(SharedQueueTest, PassesTheWakeUpOnWhenTheChosenCoroutineIsGone) {
  {
    // Chosen, and destroyed before it could take the message.
    auto wait = std::make_unique<Task<Outcome<Message>>>(queue_of(a).get());
    struct Nobody {
      struct promise_type {
        Nobody get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() {}
      };
      std::coroutine_handle<promise_type> frame;
    };
    const auto begin = [](Task<Outcome<Message>>& task) -> Nobody { co_await task; };
    Nobody nobody = begin(*wait);
    b.run(collect(b, "b:"));
    EXPECT_EQ(queue_of(b).put_nowait("x"), PutStatus::done);  // the next after b's slot is a's
    wait.reset();
    nobody.frame.destroy();
  }
  EXPECT_TRUE(turn_until([&] { return got.size() == 1; }));
  EXPECT_THAT(got, ElementsAre("b:x"));
  queue_of(b).close();
  EXPECT_TRUE(turn_until([&] { return b.idle(); }));
}

TEST_F(SharedQueueTest, CarriesTypes) {
  struct Job {
    int number;
    char letter;
  };
  TypedQueue<Job> out(queue_of(a)), in(queue_of(b));
  EXPECT_EQ(out.put_nowait({7, 'x'}), PutStatus::done);
  auto job = in.get_nowait();
  EXPECT_EQ(job->value().number, 7);
  EXPECT_EQ(job->value().letter, 'x');
  job->ack();
  EXPECT_EQ(queue_of(a).put_nowait("untyped rubbish"), PutStatus::done);
  auto rubbish = in.get_nowait();
  EXPECT_EQ(rubbish->value().number, 0);
  rubbish->ack();
}

TEST_F(SharedQueueTest, RefusesWhatIsTooLong) {
  EXPECT_THROW((void)queue_of(a).put_nowait(std::string(17, 'x')), std::length_error);
  EXPECT_EQ(queue_of(a).max_message_bytes(), 16U);
  EXPECT_TRUE(queue_of(a).empty());
}

TEST_F(SharedQueueTest, UndeclaredNamesAreTheAuthorsMistake) {
  Context& context = a.host;
  EXPECT_EQ(prefork::test::thrown_by([&] { context.queue("jbos"); }),
            "service test asks for the shared object \"jbos\", which its describe() does not declare");
  EXPECT_EQ(prefork::test::thrown_by([&] { context.event("jobs"); }),
            "service test asks for the shared object \"jobs\", which its describe() declares as something else");
}

struct ChannelTest : Sharing {
  ChannelTest() {
    const ipc::SharedShape shape{
        .kind = ipc::SharedKind::queue, .capacity = 4, .message_bytes = 16, .dead_letters = 0, .columns = {}};
    for (const char* name : {"to-second", "to-first"}) {
      objects.push_back(std::make_unique<ipc::SharedObject>(ipc::SharedObject::create(name, shape, parties.slots())));
    }
    setup.channels.push_back({"wire", {"main", 0U}, {"main", std::nullopt}, objects[0].get(), objects[1].get()});
    setup.channels.push_back({"elsewhere", {"other", 0U}, {"other", 1U}, objects[0].get(), objects[1].get()});
    a.share(setup);
    b.share(setup);
  }
};

TEST_F(ChannelTest, EachEndHearsTheOther) {
  auto first = static_cast<Context&>(a.host).channel("wire");
  auto second = static_cast<Context&>(b.host).channel("wire");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->send_nowait("ping"), PutStatus::done);
  auto ping = second->receive_nowait();
  EXPECT_EQ(ping->bytes(), "ping");
  ping->ack();
  EXPECT_EQ(second->send_nowait("pong"), PutStatus::done);
  EXPECT_FALSE(second->receive_nowait().has_value());
  auto pong = first->receive_nowait();
  EXPECT_EQ(pong->bytes(), "pong");
  pong->ack();
}

TEST_F(ChannelTest, AWorkerThatIsAtNoEndHasNone) {
  EXPECT_FALSE(static_cast<Context&>(a.host).channel("elsewhere").has_value());
  EXPECT_THROW(static_cast<Context&>(a.host).channel("wrie"), std::logic_error);
}

}  // namespace
}  // namespace prefork::worker
