#include "framework/worker/net/coroutine_connection.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/framework/worker/harness.hpp"

namespace prefork::worker {
namespace {

using namespace test;

Task<void> echo(Connection& peer) {
  while (auto bytes = co_await peer.read_some()) {
    if (!co_await peer.write(*bytes)) break;
  }
}

// Answers each line in brackets, and says how the stream ended.
Task<void> bracket_lines(Connection& peer, std::size_t max) {
  std::string answer;
  Reason why = Reason::done;
  for (;;) {
    const auto line = co_await peer.read_line(max);
    why = line.reason();
    if (!line) break;
    answer = "[" + std::string(*line) + "]";
    co_await peer.write(answer);
  }
  answer = why == Reason::too_long ? "overlong" : "end";
  co_await peer.write(answer);
}

TEST(CoroutineConnection, EchoesAndEndsWithItsClient) {
  Served served;
  served.service.connection = echo;
  auto client = served.open();
  EXPECT_EQ(served.runtime.connection_count, 1U);
  served.send(client.get(), "hello");
  EXPECT_EQ(served.receive(client.get(), 5), "hello");
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(served.receive(client.get()), "");
  EXPECT_TRUE(served.turn_until([&] { return served.quiet(); }));
  EXPECT_EQ(served.counter(ipc::Counter::accepted), 1U);
  EXPECT_EQ(served.counter(ipc::Counter::bytes_in), 5U);
  EXPECT_EQ(served.counter(ipc::Counter::bytes_out), 5U);
  EXPECT_EQ(served.board.slot(0).connections.load(), 0U);
}

TEST(CoroutineConnection, LinesAreTheSameHoweverTheyAreCut) {
  const std::string input = "one\r\ntwo\n\nlast";
  for (std::size_t cut = 0; cut <= input.size(); ++cut) {
    Served served;
    served.service.connection = [](Connection& peer) { return bracket_lines(peer, 100); };
    auto client = served.open();
    served.send(client.get(), input.substr(0, cut));
    served.turn();
    served.turn();
    served.send(client.get(), input.substr(cut));
    ::shutdown(client.get(), SHUT_WR);
    EXPECT_EQ(served.receive(client.get()), "[one][two][][last]end") << "cut at " << cut;
  }
}

TEST(CoroutineConnection, LinesUpToTheLimitPassAndLongerOnesEndTheStream) {
  for (const bool closes : {false, true}) {
    for (const std::string line_end : {"\n", "\r\n", ""}) {
      if (line_end.empty() && !closes) continue;
      for (const std::size_t length : {9U, 10U, 11U, 12U, 13U, 20'000U}) {
        Served served;
        served.service.connection = [](Connection& peer) { return bracket_lines(peer, 10); };
        auto client = served.open();
        const std::string line(length, 'x');
        served.send(client.get(), line + line_end);
        if (closes) ::shutdown(client.get(), SHUT_WR);
        const std::string expected = length <= 10 ? "[" + line + "]" : "overlong";
        EXPECT_EQ(served.receive(client.get(), expected.size()), expected) << length << " closes " << closes;
        served.hang_up(client);
      }
    }
  }
}

TEST(CoroutineConnection, HalfClosedClientGetsItsAnswer) {
  Served served;
  served.service.connection = [](Connection& peer) -> Task<void> {
    std::size_t total = 0;
    while (auto bytes = co_await peer.read_some()) total += bytes->size();
    const std::string answer = std::to_string(total);
    EXPECT_TRUE(co_await peer.write(answer));
  };
  auto client = served.open(tcp_pair());
  served.send(client.get(), std::string(500'000, 'x'));
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(served.receive(client.get()), "500000");
}

TEST(CoroutineConnection, AResetEndsReadsAndWrites) {
  Served served;
  std::optional<bool> read, written;
  served.service.connection = [&](Connection& peer) -> Task<void> {
    read = (co_await peer.read_some()).has_value();
    written = co_await peer.write("x");
  };
  auto client = served.open(tcp_pair());
  const linger reset{1, 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  client.reset();
  EXPECT_TRUE(served.turn_until([&] { return served.quiet(); }));
  EXPECT_EQ(read, false);
  EXPECT_EQ(written, false);
}

TEST(CoroutineConnection, ASlowReaderHoldsTheWriterBack) {
  Served served;
  const std::string big(8 << 20, 'b');
  bool finished = false;
  served.service.connection = [&](Connection& peer) -> Task<void> {
    EXPECT_TRUE(co_await peer.write(big));
    finished = true;
  };
  auto client = served.open(tcp_pair());
  for (int i = 0; i < 20; ++i) served.turn();
  EXPECT_FALSE(finished);
  const auto before = served.counter(ipc::Counter::bytes_out);
  for (int i = 0; i < 5; ++i) served.turn();
  EXPECT_EQ(served.counter(ipc::Counter::bytes_out), before) << "it waits for the client";
  EXPECT_TRUE(served.receive(client.get()) == big);
  EXPECT_TRUE(finished);
  served.hang_up(client);
}

TEST(CoroutineConnection, IdleTimeoutEndsARead) {
  Served served({20ms, 0ms});
  Reason got = Reason::done;
  served.service.connection = [&](Connection& peer) -> Task<void> { got = (co_await peer.read_line()).reason(); };
  auto client = served.open();
  served.send(client.get(), "half a li");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(served.receive(client.get()), "");
  EXPECT_GE(std::chrono::steady_clock::now() - start, 19ms) << "never early";
  EXPECT_EQ(got, Reason::timed_out) << "half a line is no line";
  EXPECT_EQ(served.counter(ipc::Counter::timeouts), 1U);
  EXPECT_TRUE(served.turn_until([&] { return served.quiet(); }));
}

TEST(CoroutineConnection, AConnectionMaySetItsOwnIdleTimeout) {
  Served served({3'600'000ms, 0ms});
  served.service.connection = [&](Connection& peer) -> Task<void> {
    peer.idle_timeout(5ms);
    EXPECT_FALSE(co_await peer.read_some());
  };
  auto client = served.open();
  EXPECT_EQ(served.receive(client.get()), "");
  EXPECT_EQ(served.counter(ipc::Counter::timeouts), 1U);
}

TEST(CoroutineConnection, WriteTimeoutEndsAWriteThatIsStuck) {
  Served served({0ms, 20ms});
  std::optional<bool> written;
  const std::string big(16 << 20, 'b');
  served.service.connection = [&](Connection& peer) -> Task<void> { written = co_await peer.write(big); };
  auto client = served.open();
  EXPECT_TRUE(served.turn_until([&] { return served.quiet(); }));
  EXPECT_EQ(written, false);
  EXPECT_EQ(served.counter(ipc::Counter::timeouts), 1U);
}

TEST(CoroutineConnection, ATemporaryThatIsWrittenIsKeptUntilItIsSent) {
  Served served;
  const std::size_t size = 16 << 20;
  served.service.connection = [&](Connection& peer) -> Task<void> {
    Connection::Write write = peer.write(std::string(size, 'b'));
    EXPECT_TRUE(co_await write);
  };
  auto client = served.open();
  EXPECT_EQ(served.receive(client.get(), size), std::string(size, 'b'));
}

TEST(CoroutineConnection, CloseEndsAReadOfAnotherCoroutine) {
  Served served;
  Connection* open = nullptr;
  bool ended = false;
  served.service.connection = [&](Connection& peer) -> Task<void> {
    open = &peer;
    ended = (co_await peer.read_some()).reason() == Reason::closed;
    EXPECT_FALSE(co_await peer.write("late"));
  };
  auto client = served.open();
  open->close();
  EXPECT_FALSE(ended) << "resumed by the loop, not under the caller";
  EXPECT_EQ(served.receive(client.get()), "") << "the client sees it at once";
  EXPECT_TRUE(served.turn_until([&] { return ended; }));
  EXPECT_TRUE(served.turn_until([&] { return served.quiet(); }));
}

TEST(CoroutineConnection, CloseEndsAWriteOfAnotherCoroutine) {
  Served served;
  Connection* open = nullptr;
  std::optional<bool> written;
  const std::string big(16 << 20, 'b');
  served.service.connection = [&](Connection& peer) -> Task<void> {
    open = &peer;
    written = co_await peer.write(big);
  };
  auto client = served.open();
  served.turn();
  open->close();
  EXPECT_TRUE(served.turn_until([&] { return served.quiet(); }));
  EXPECT_EQ(written, false);
}

// Goal: a write that fails tells the read that waits beside it, though no event may come from the socket.
TEST(CoroutineConnection, AFailedWriteEndsTheReadThatWaits) {
  Served served;
  Connection* open = nullptr;
  bool read_ended = false;
  std::optional<bool> written;
  served.service.connection = [&](Connection& peer) -> Task<void> {
    open = &peer;
    read_ended = !(co_await peer.read_some()).has_value();
  };
  Connected ends = stream_pair();
  const ipc::UniqueFd same(::dup(ends.server.get()));
  auto client = served.open(std::move(ends));
  ::shutdown(same.get(), SHUT_WR);  // the sending side breaks, the receiving side waits on
  auto write = [&]() -> Task<void> { written = co_await open->write("x"); };
  served.host.spawn(write());
  EXPECT_EQ(written, false);
  EXPECT_TRUE(served.turn_until([&] { return read_ended; }));
}

TEST(CoroutineConnection, ReadAndWriteMayWaitTogether) {
  Served served({0ms, 0ms});
  const std::string big(4 << 20, 'b');
  std::string read;
  bool written = false;
  Connection* open = nullptr;
  auto push = [&]() -> Task<void> { written = co_await open->write(big); };
  served.service.connection = [&](Connection& peer) -> Task<void> {
    open = &peer;
    peer.context().spawn(push());
    while (auto bytes = co_await peer.read_some()) read += *bytes;
    while (!written) co_await peer.context().sleep_for(1ms);
  };
  auto client = served.open(tcp_pair());
  served.send(client.get(), "ping");
  EXPECT_TRUE(served.turn_until([&] { return read == "ping"; }));
  EXPECT_FALSE(written);
  EXPECT_TRUE(served.receive(client.get(), big.size()) == big);
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_TRUE(served.turn_until([&] { return served.quiet(); }));
}

TEST(CoroutineConnection, AnExceptionClosesAndIsLogged) {
  Served served;
  served.service.connection = [](Connection& peer) -> Task<void> {
    co_await peer.read_some();
    throw std::runtime_error("went wrong");
  };
  auto client = served.open();
  served.send(client.get(), "x");
  EXPECT_EQ(served.receive(client.get()), "");
  ASSERT_EQ(served.log.lines.size(), 1U);
  EXPECT_EQ(served.log.lines[0], "test: connection of unix: went wrong");
  EXPECT_EQ(served.counter(ipc::Counter::handler_errors), 1U);
}

TEST(CoroutineConnection, AServiceThatThrowsAtOnceIsNoHarm) {
  Served served;
  served.service.connection = [](Connection&) -> Task<void> { throw 42; };
  auto client = served.open();
  EXPECT_EQ(served.receive(client.get()), "");
  EXPECT_EQ(served.log.lines.at(0), "test: connection of unix: an exception that is no std::exception");
  served.hang_up(client);
}

// Goal: a client that sends without end gets its share of a turn and no more.
TEST(CoroutineConnection, AFloodDoesNotStarveOthers) {
  Served served;
  std::uint64_t flooded = 0;
  bool other_served = false;
  served.service.connection = [&](Connection& peer) -> Task<void> {
    const bool flood = peer.id() == 1;
    while (auto bytes = co_await peer.read_some()) {
      if (flood) flooded += bytes->size();
      other_served = other_served || !flood;
    }
  };
  auto flood = served.open();
  auto other = served.open();
  const int room = 8 << 20;
  ::setsockopt(flood.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  std::size_t sent = 0;
  const std::string chunk(65536, 'f');
  for (ssize_t n = 0; (n = ::send(flood.get(), chunk.data(), chunk.size(), 0)) > 0;)
    sent += static_cast<std::size_t>(n);
  if (sent < (2U << 20)) served.hang_up(flood, other);
  if (sent < (2U << 20)) GTEST_SKIP() << "the socket takes only " << sent << " bytes: needs root to have more";
  served.send(other.get(), "x");
  for (int turns = 0; !other_served; ++turns) {
    ASSERT_LT(turns, 3) << "the other had to wait";
    served.turn();
  }
  EXPECT_LT(flooded, sent);
  EXPECT_TRUE(served.turn_until([&] { return flooded == sent; })) << "what had to wait comes without a new event";
  served.hang_up(flood, other);
}

TEST(CoroutineConnection, DrainPatientGoesOnAndClosingEndsIdleReads) {
  for (const DrainMode mode : {DrainMode::patient, DrainMode::closing}) {
    Served served;
    served.service.connection = echo;
    auto idle = served.open();
    auto busy = served.open();
    served.send(idle.get(), "a");
    EXPECT_EQ(served.receive(idle.get(), 1), "a");
    served.send(busy.get(), "was on its way");
    served.runtime.drain = mode;
    served.runtime.connections.for_each([](StreamConnection& connection) { connection.on_drain(); });
    EXPECT_EQ(served.receive(busy.get(), 14), "was on its way") << "what was sent before is answered";
    if (mode == DrainMode::closing) {
      EXPECT_EQ(served.receive(idle.get()), "");
      EXPECT_EQ(served.receive(busy.get()), "");
      EXPECT_TRUE(served.turn_until([&] { return served.quiet(); }));
    } else {
      served.send(idle.get(), "more");
      EXPECT_EQ(served.receive(idle.get(), 4), "more");
      EXPECT_EQ(served.runtime.connection_count, 2U);
    }
    served.hang_up(idle, busy);
  }
}

}  // namespace
}  // namespace prefork::worker
