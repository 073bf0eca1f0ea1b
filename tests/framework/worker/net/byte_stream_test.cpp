// Goal: a stream that this worker has opened itself has a deadline, back-pressure, waits of coroutines and a close that
// loses nothing, and is not a client: not counted, not in the worker's list, not told of a drain.
#include "framework/worker/net/byte_stream.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "framework/worker/net/coroutine_stream.hpp"
#include "framework/worker/service/detached.hpp"
#include "tests/framework/worker/harness.hpp"
#include "tests/framework/worker/record_layer.hpp"

namespace prefork::worker::test {
namespace {

/// Sends what it is given, and keeps what it receives.
class Caller final : public ByteStream {
 public:
  using ByteStream::ByteStream;
  using ByteStream::close_gracefully;
  using ByteStream::closed;
  using ByteStream::set_deadline;

  void say(std::string bytes) {
    unsent = std::move(bytes);
    on_writable();
  }

  std::string unsent;
  std::string heard;
  bool ended = false;
  bool broken = false;
  bool timed_out = false;
  bool left = false;

 private:
  void on_input() override {
    for (;;) {
      const Received received = receive();
      if (received == Received::would_block) return;
      if (received == Received::end) ended = true;
      if (received == Received::end) return;
      heard += block_bytes();
      release_block();
    }
  }
  void on_writable() override {
    const auto sent = send_some(unsent);
    if (!sent) return on_broken();
    unsent.erase(0, *sent);
  }
  void on_timeout() override { timed_out = true; }
  void on_broken() override { broken = true; }
  void on_left() noexcept override { left = true; }
};

struct OutboundTest : testing::Test, Served {
  /// The caller's stream; the test's end is in `server`.
  Caller& call(Connected ends, std::unique_ptr<TransportLayer> layer = nullptr) {
    server = std::move(ends.client);
    auto* caller = new Caller(runtime, Transport(std::move(ends.server), std::move(layer)));  // the loop's
    caller->attach();
    return *caller;
  }
  void expect_no_client() {
    EXPECT_EQ(runtime.connection_count, 0U);
    EXPECT_EQ(board.slot(0).connections.load(), 0U);
    for (const auto which :
         {ipc::Counter::accepted, ipc::Counter::bytes_in, ipc::Counter::bytes_out, ipc::Counter::timeouts}) {
      EXPECT_EQ(counter(which), 0U);
    }
    EXPECT_EQ(runtime.connections.front(), nullptr);
  }
  ipc::UniqueFd server;
};

TEST_F(OutboundTest, IsNoClient) {
  Caller& caller = call(tcp_pair());
  expect_no_client();
  caller.say("question");
  EXPECT_EQ(receive(server.get(), 8), "question");
  drain(DrainMode::closing);
  EXPECT_TRUE(runtime.idle()) << "whoever uses the stream counts, not the stream";
  send(server.get(), "answer");
  EXPECT_TRUE(turn_until([&] { return caller.heard == "answer"; }));
  server.reset();
  EXPECT_TRUE(turn_until([&] { return caller.ended; }));
  expect_no_client();
  caller.close();
  EXPECT_TRUE(caller.left);
  turn();
  expect_no_client();
}

TEST_F(OutboundTest, HasBackPressure) {
  Caller& caller = call(tcp_pair(65536));
  caller.say(std::string(8'000'000, 'q'));
  turn();
  EXPECT_FALSE(caller.unsent.empty()) << "the peer has not read";
  EXPECT_EQ(receive(server.get(), 8'000'000).size(), 8'000'000U);
  EXPECT_TRUE(caller.unsent.empty());
  caller.close();
  turn();
  expect_no_client();
}

TEST_F(OutboundTest, HasADeadline) {
  Caller& caller = call(tcp_pair());
  caller.set_deadline(5ms);
  EXPECT_TRUE(turn_until([&] { return caller.timed_out; }));
  EXPECT_FALSE(caller.closed());
  caller.close();
  turn();
  expect_no_client();
}

TEST_F(OutboundTest, ItsCloseLosesNothing) {
  for (const bool layered : {false, true}) {
    Caller& caller = call(slow_pair(), layered ? std::make_unique<RecordLayer>() : nullptr);
    caller.say(std::string(kSlowBytes, 'q'));
    EXPECT_TRUE(turn_until([&] { return caller.unsent.empty(); }));
    caller.close_gracefully();
    EXPECT_TRUE(caller.left);
    turn();
    send(server.get(), "what nobody reads");
    std::string all = receive(server.get());
    EXPECT_EQ(broken, 0);
    if (layered) all = records::received(all).bytes;
    EXPECT_EQ(all.size(), kSlowBytes);
    server.reset();
    EXPECT_TRUE(turn_until([&] { return runtime.idle(); }));
    expect_no_client();
  }
}

struct Reading {
  CoroutineStream& stream;
  bool await_ready() { return stream.start_read(100); }
  void await_suspend(std::coroutine_handle<> awaiting) { stream.park_reader(awaiting); }
  Outcome<std::string_view> await_resume() { return stream.finish_read(); }
};
struct Writing {
  CoroutineStream& stream;
  std::string_view bytes;
  bool await_ready() { return stream.start_write(bytes); }
  void await_suspend(std::coroutine_handle<> awaiting) { stream.park_writer(awaiting); }
  bool await_resume() { return stream.finish_write(); }
};

/// Asks, and collects the lines of the answer.
Detached converse(CoroutineStream& stream, std::string_view question, std::string& answer, bool& done) {
  EXPECT_TRUE((co_await Writing{stream, question}));
  while (const auto line = co_await Reading{stream}) answer.append(*line).append("|");
  stream.finish();
  done = true;
}

TEST_F(OutboundTest, CoroutinesWaitForIt) {
  Connected ends = tcp_pair(65536);
  server = std::move(ends.client);
  auto* stream = new CoroutineStream(runtime, std::move(ends.server), {5000ms, 5000ms});  // the loop's
  const std::string question(8'000'000, 'q');
  std::string answer;
  bool done = false;
  converse(*stream, question, answer, done);
  stream->attach();
  EXPECT_EQ(receive(server.get(), question.size()).size(), question.size());
  drain(DrainMode::closing);
  turn();
  EXPECT_FALSE(done) << "only clients are sent away";
  send(server.get(), "one\ntwo\n");
  EXPECT_TRUE(turn_until([&] { return answer == "one|two|"; }));
  server.reset();
  EXPECT_TRUE(turn_until([&] { return done; }));
  turn();
  expect_no_client();
}

TEST_F(OutboundTest, AReadThatWaitsTooLongEnds) {
  Connected ends = tcp_pair();
  server = std::move(ends.client);
  auto* stream = new CoroutineStream(runtime, std::move(ends.server), {5ms, 5ms});  // the loop's
  std::string answer;
  bool done = false;
  converse(*stream, "anybody?", answer, done);
  stream->attach();
  EXPECT_TRUE(turn_until([&] { return done; }));
  EXPECT_EQ(receive(server.get()), "anybody?");
  server.reset();
  EXPECT_TRUE(turn_until([&] { return runtime.idle(); }));
  expect_no_client();
}

}  // namespace
}  // namespace prefork::worker::test
