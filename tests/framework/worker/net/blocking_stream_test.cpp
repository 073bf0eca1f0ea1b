#include "framework/worker/net/blocking_stream.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <functional>
#include <stdexcept>

#include "ipc/objects/wakeup.hpp"
#include "tests/framework/worker/harness.hpp"

namespace prefork::worker {
namespace {

using namespace test;

struct FakeDuties final : BlockingDuties {
  ipc::Wakeup wakeup = ipc::Wakeup::create();
  int attended = 0;
  std::function<void()> call = [] {};
  int duty_fd() const noexcept override { return wakeup.wait_fd(); }
  void attend() override {
    wakeup.clear();
    ++attended;
    call();
  }
};

struct Handler final : BlockingService {
  std::function<void(Stream&)> call;
  void handle(Stream& peer) override { call(peer); }
};

struct BlockingTest : testing::Test {
  explicit BlockingTest(ServiceLimits limits = {}) : h(limits) { h.runtime.duties = &duties; }
  /// Serves one connection, whose client has said `input` and ended, to its end. @return what the client got.
  std::string serve(std::string_view input, std::function<void(Stream&)> body, bool half_close = true) {
    Connected ends = stream_pair();
    EXPECT_EQ(::send(ends.client.get(), input.data(), input.size(), 0), static_cast<ssize_t>(input.size()));
    if (half_close) ::shutdown(ends.client.get(), SHUT_WR);
    service.call = std::move(body);
    h.protocol_of(service)->open(std::move(ends.server), PeerAddress());
    std::string all;
    char chunk[65536];
    for (ssize_t n = 0; (n = ::recv(ends.client.get(), chunk, sizeof chunk, 0)) > 0;) {
      all.append(chunk, static_cast<std::size_t>(n));
    }
    return all;
  }
  static void bracket(Stream& peer, std::size_t max) {
    auto line = peer.read_line(max);
    for (; line; line = peer.read_line(max)) peer.write("[" + std::string(*line) + "]");
    peer.write(line.reason() == Reason::too_long ? "overlong" : "end");
  }
  FakeDuties duties;
  Harness h;
  Handler service;
};

TEST_F(BlockingTest, ReadsAndWrites) {
  EXPECT_EQ(serve("hello",
                  [](Stream& peer) {
                    std::string all;
                    while (const auto bytes = peer.read_some()) all += *bytes;
                    EXPECT_EQ(peer.peer_address(), "unix");
                    EXPECT_EQ(peer.context().service(), "test");
                    EXPECT_TRUE(peer.write(all + "!"));
                  }),
            "hello!");
  EXPECT_EQ(h.counter(ipc::Counter::accepted), 1U);
  EXPECT_EQ(h.counter(ipc::Counter::bytes_in), 5U);
  EXPECT_EQ(h.counter(ipc::Counter::bytes_out), 6U);
  EXPECT_EQ(h.runtime.connection_count, 0U);
}

TEST_F(BlockingTest, Lines) {
  EXPECT_EQ(serve("one\r\ntwo\n\nlast", [](Stream& peer) { bracket(peer, 100); }), "[one][two][][last]end");
  EXPECT_EQ(serve("0123456789\n", [](Stream& peer) { bracket(peer, 10); }), "[0123456789]end");
  EXPECT_EQ(serve("0123456789a\n", [](Stream& peer) { bracket(peer, 10); }), "overlong");
  EXPECT_EQ(serve("0123456789a", [](Stream& peer) { bracket(peer, 10); }), "overlong");
  EXPECT_EQ(serve(std::string(20'000, 'x'), [](Stream& peer) { bracket(peer, SIZE_MAX - 1); }), "overlong");
}

TEST_F(BlockingTest, AnExceptionIsLogged) {
  EXPECT_EQ(serve("x", [](Stream&) { throw std::runtime_error("went wrong"); }), "");
  EXPECT_EQ(h.log.lines, std::vector<std::string>{"test: connection of unix: went wrong"});
}

TEST_F(BlockingTest, WritesToAClientThatIsGoneFail) {
  Connected ends = stream_pair();
  ends.client.reset();
  bool written = true;
  service.call = [&](Stream& peer) { written = peer.write("x"); };
  h.protocol_of(service)->open(std::move(ends.server), PeerAddress());
  EXPECT_FALSE(written);
}

TEST_F(BlockingTest, DutiesAreAttendedWhileACallWaits) {
  Connected ends = stream_pair();
  const int client = ends.client.get();
  duties.call = [&] { ASSERT_EQ(::send(client, "at last", 7, 0), 7); };
  duties.wakeup.wake();
  std::string got;
  service.call = [&](Stream& peer) { got = peer.read_some().value_or(""); };
  h.protocol_of(service)->open(std::move(ends.server), PeerAddress());
  EXPECT_EQ(got, "at last");
  EXPECT_EQ(duties.attended, 1);
}

// Goal: a client that always has bytes ready must not keep the worker from its duties.
TEST_F(BlockingTest, DutiesAreAttendedAlthoughTheClientNeverPauses) {
  Connected ends = stream_pair();
  const int client = ends.client.get();
  const auto limit = std::chrono::steady_clock::now() + 20s;
  service.call = [&](Stream& peer) {
    do {
      ASSERT_EQ(::send(client, "x", 1, 0), 1);
      ASSERT_TRUE(peer.read_some());
    } while (duties.attended == 0 && std::chrono::steady_clock::now() < limit);
  };
  h.protocol_of(service)->open(std::move(ends.server), PeerAddress());
  EXPECT_GE(duties.attended, 1);
}

TEST_F(BlockingTest, DrainEndsAReadThatWaits) {
  duties.call = [&] { h.runtime.drain = DrainMode::closing; };
  duties.wakeup.wake();
  Reason got = Reason::done;
  EXPECT_EQ(serve(
                "half a line", [&](Stream& peer) { got = peer.read_line().reason(); }, false),
            "");
  EXPECT_EQ(got, Reason::draining) << "half a line is no line while the client has not ended";
}

struct BlockingDeadlines : BlockingTest {
  BlockingDeadlines() : BlockingTest({20ms, 20ms}) {}
};

TEST_F(BlockingDeadlines, IdleTimeoutEndsARead) {
  Reason got = Reason::done;
  serve(
      "half", [&](Stream& peer) { got = peer.read_line().reason(); }, false);
  EXPECT_EQ(got, Reason::timed_out);
  EXPECT_EQ(h.counter(ipc::Counter::timeouts), 1U);
}

TEST_F(BlockingDeadlines, WriteTimeoutEndsAWrite) {
  bool written = true;
  serve(
      "", [&](Stream& peer) { written = peer.write(std::string(16 << 20, 'b')); }, false);
  EXPECT_FALSE(written);
  EXPECT_EQ(h.counter(ipc::Counter::timeouts), 1U);
}

}  // namespace
}  // namespace prefork::worker
