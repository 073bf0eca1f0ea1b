// Goal: a finished connection loses nothing that was sent on it, whatever its client still sends, and clients that
// stay, even many of them, do not hold up the worker.
#include "framework/worker/service/lingering.hpp"

#include <gtest/gtest.h>

#include <string>

#include "framework/worker/net/blocking_stream.hpp"
#include "tests/framework/worker/harness.hpp"

namespace prefork::worker {
namespace {

using namespace test;

const std::string kAnswer(kSlowBytes, 'x');

struct Case {
  const char* name;
  std::function<Task<void>(Connection&)> connection;
};

// Goal: whichever side closes after an answer, bytes that a client sends after it destroy nothing.
TEST(Lingering, WhatComesBehindTheAnswerTakesNothingWithIt) {
  const Case cases[] = {
      {"the coroutine ends",
       [](Connection& peer) -> Task<void> {
         co_await peer.read_line();
         co_await peer.write(kAnswer);
       }},
      {"the coroutine ends, and has not read all",
       [](Connection& peer) -> Task<void> {
         co_await peer.read_line(2);
         co_await peer.write(kAnswer);
       }},
      {"the service closes, and goes on",
       [](Connection& peer) -> Task<void> {
         co_await peer.read_line();
         co_await peer.write(kAnswer);
         peer.close();
         co_await peer.context().sleep_for(20ms);
       }},
      {"the client is idle for too long",
       [](Connection& peer) -> Task<void> {
         peer.idle_timeout(20ms);
         while (co_await peer.read_line()) co_await peer.write(kAnswer);
       }},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.name);
    Served served;
    served.service.connection = one.connection;
    auto client = served.open(slow_pair());
    served.send(client.get(), "a line\n");
    ASSERT_TRUE(served.turn_until([&] { return served.quiet(); }));
    served.send(client.get(), "more");
    EXPECT_EQ(served.receive(client.get()).size(), kAnswer.size());
    EXPECT_EQ(served.broken, 0);
    EXPECT_FALSE(served.runtime.idle()) << "the client may send more";
    client.reset();
    EXPECT_TRUE(served.turn_until([&] { return served.runtime.idle(); }));
  }
}

TEST(Lingering, BlockingServicesLoseNothingEither) {
  struct NoDuties final : BlockingDuties {
    int duty_fd() const noexcept override { return -1; }
    void attend() override {}
  };
  struct Answers final : BlockingService {
    void handle(Stream& peer) override {
      (void)peer.read_line();
      peer.write(kAnswer);
    }
  };
  NoDuties duties;
  ServedBy<Answers> served;
  served.runtime.duties = &duties;
  Connected ends = slow_pair();
  served.send(ends.client.get(), "a line\n");
  auto client = served.open(std::move(ends));
  served.send(client.get(), "more");
  EXPECT_EQ(served.receive(client.get()).size(), kAnswer.size());
  EXPECT_EQ(served.broken, 0);
}

TEST(Lingering, UnixSocketsEndWithoutAnError) {
  Served served;
  served.service.connection = [](Connection& peer) -> Task<void> { co_await peer.write("bye"); };
  auto client = served.open();
  served.send(client.get(), "what nobody reads");
  EXPECT_EQ(served.receive(client.get()), "bye");
  EXPECT_EQ(served.broken, 0);
}

class LingeringSockets : public testing::Test, public Harness {
 protected:
  /// Hands over a connection's end. @return the client's
  ipc::UniqueFd take(Connected ends = tcp_pair()) {
    runtime.lingering.take(std::move(ends.server));
    return std::move(ends.client);
  }
  bool turn_until_none() {
    return turn_until([&] { return runtime.lingering.count() == 0; });
  }
  /// Whether the server's end was closed, so that what it is sent is answered with a reset.
  static bool is_closed(const ipc::UniqueFd& client) {
    ::send(client.get(), "x", 1, MSG_NOSIGNAL);
    return ::send(client.get(), "x", 1, MSG_NOSIGNAL) == -1;
  }
};

TEST_F(LingeringSockets, GoWhenTheirClientsHaveEnded) {
  auto at_once = take();
  auto later = take();
  EXPECT_EQ(runtime.lingering.count(), 2U);
  EXPECT_FALSE(runtime.idle());
  at_once.reset();
  EXPECT_TRUE(turn_until([&] { return runtime.lingering.count() == 1; }));
  const std::string bytes(100'000, 'x');
  ASSERT_EQ(::send(later.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  ::shutdown(later.get(), SHUT_WR);
  EXPECT_TRUE(turn_until_none());
  char end;
  EXPECT_EQ(::recv(later.get(), &end, 1, 0), 0) << "no reset";
}

TEST_F(LingeringSockets, DoNotOutliveTheirTimeForClientsThatStay) {
  const auto quiet = take();
  const std::uint64_t began = runtime.loop.now_ms();
  EXPECT_TRUE(turn_until_none());
  EXPECT_GE(runtime.loop.now_ms(), began + 2000);
  EXPECT_TRUE(is_closed(quiet));
}

TEST_F(LingeringSockets, HaveLittleTimeInADrain) {
  const auto before = take(slow_pair());
  turn();
  ASSERT_TRUE(turn_until([&] { return runtime.loop.now_ms() > 0; }));
  drain(DrainMode::patient);
  const std::uint64_t began = runtime.loop.now_ms();
  Connected ends = slow_pair();
  ASSERT_EQ(::send(ends.server.get(), kAnswer.data(), kAnswer.size(), 0), static_cast<ssize_t>(kAnswer.size()));
  const auto after = take(std::move(ends));
  EXPECT_EQ(runtime.lingering.count(), 2U);
  EXPECT_TRUE(turn_until_none());
  EXPECT_LT(runtime.loop.now_ms(), began + 2000);
}

TEST_F(LingeringSockets, AreNotWaitedForInADrainWhereNothingIsOnItsWay) {
  Connected ends = tcp_pair();
  drain(DrainMode::closing);
  const auto client = take(std::move(ends));
  EXPECT_EQ(runtime.lingering.count(), 1U) << "what was sent a moment ago may not have been read";
  Connected old = tcp_pair();
  const std::uint64_t began = runtime.loop.now_ms();
  ASSERT_TRUE(turn_until([&] { return runtime.loop.now_ms() > began + 250; }));
  const auto settled = take(std::move(old));
  EXPECT_LE(runtime.lingering.count(), 1U);
  EXPECT_TRUE(is_closed(settled));
  EXPECT_TRUE(turn_until_none());
}

// Goal: those that are over never keep a descriptor from those that are open.
TEST_F(LingeringSockets, MakeRoom) {
  runtime.lingering.share(4);
  std::vector<ipc::UniqueFd> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(take());
  EXPECT_EQ(runtime.lingering.count(), 4U);
  EXPECT_TRUE(is_closed(clients[0]) && is_closed(clients[1])) << "the oldest";
  ASSERT_TRUE(turn_until([&] { return runtime.loop.now_ms() > 0; }));
  runtime.connection_count = 2;
  runtime.lingering.make_room();
  EXPECT_EQ(runtime.lingering.count(), 2U);
  EXPECT_TRUE(is_closed(clients[2]) && is_closed(clients[3]));
  runtime.connection_count = 0;
  clients.clear();
  EXPECT_TRUE(turn_until_none());
}

}  // namespace
}  // namespace prefork::worker
