#include "framework/worker/net/stream_connection.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/framework/worker/harness.hpp"

namespace prefork::worker {
namespace {

using namespace test;

// Reads once, answers, ends.
Task<void> answer_once(Connection& peer) {
  co_await peer.read_line();
  co_await peer.write("the last answer\n");
}

// The same, once the loop has heard of all that the client did, its end included.
Task<void> answer_late(Connection& peer) {
  co_await peer.context().sleep_for(std::chrono::milliseconds(5));
  co_await peer.read_line();
  co_await peer.write("the last answer\n");
}

// Goal: the last bytes arrive although the client sent more than was read, which a plain close(2) would answer with a
// reset.
TEST(StreamConnection, LastBytesArriveAlthoughInputWaits) {
  for (const auto& [half_closed, late] : {std::pair{false, false}, {true, false}, {false, true}, {true, true}}) {
    Served served;
    served.service.connection = late ? answer_late : answer_once;
    Connected ends = tcp_pair();
    std::string flood = "first\n" + std::string(50'000, 'x');
    std::size_t sent = 0;
    for (ssize_t n = 0; sent < flood.size(); sent += static_cast<std::size_t>(n)) {
      n = ::send(ends.client.get(), flood.data() + sent, flood.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
    }
    ASSERT_GT(sent, BlockPool::kBlockBytes * 2);
    if (half_closed) ::shutdown(ends.client.get(), SHUT_WR);
    auto client = served.open(std::move(ends));
    served.turn();
    EXPECT_EQ(served.receive(client.get()), "the last answer\n")
        << "half closed: " << half_closed << ", late: " << late;
    EXPECT_EQ(served.broken, 0) << "a reset; half closed: " << half_closed << ", late: " << late;
    ::shutdown(client.get(), SHUT_WR);
    EXPECT_TRUE(served.turn_until([&] { return served.quiet(); })) << "it does not wait for the time to be over";
  }
}

TEST(StreamConnection, LingeringEndsAlthoughTheClientStays) {
  Served served;
  served.service.connection = [](Connection&) { return Task<void>(); };  // closes before anything was read
  auto client = served.open(tcp_pair());
  EXPECT_EQ(served.receive(client.get()), "");
  EXPECT_TRUE(served.turn_until([&] { return served.quiet(); }));
}

TEST(StreamConnection, AnIdleConnectionHoldsNoBlock) {
  Served served;
  std::string_view seen;
  served.service.connection = [&](Connection& peer) -> Task<void> {
    while (auto bytes = co_await peer.read_some()) seen = *bytes;
  };
  auto first = served.open();
  auto second = served.open();
  served.send(first.get(), "a");
  EXPECT_TRUE(served.turn_until([&] { return seen.size() == 1; }));
  const char* block = seen.data();
  served.send(second.get(), "bb");
  EXPECT_TRUE(served.turn_until([&] { return seen.size() == 2; }));
  EXPECT_EQ(seen.data(), block) << "the block that the first gave back";
  served.hang_up(first, second);
}

TEST(StreamConnection, ManyConnectionsComeAndGo) {
  Served served;
  served.service.connection = answer_once;
  for (int round = 0; round < 5; ++round) {
    std::vector<ipc::UniqueFd> clients;
    for (int i = 0; i < 100; ++i) clients.push_back(served.open());
    EXPECT_EQ(served.board.slot(0).connections.load(), 100U);
    for (auto& client : clients) served.send(client.get(), "x\n");
    for (std::size_t i = 0; i < clients.size(); i += 2) clients[i].reset();
    for (std::size_t i = 1; i < clients.size(); i += 2)
      EXPECT_EQ(served.receive(clients[i].get()), "the last answer\n");
    clients.clear();
    EXPECT_TRUE(served.turn_until([&] { return served.quiet(); }));
  }
  EXPECT_EQ(served.counter(ipc::Counter::accepted), 500U);
}

}  // namespace
}  // namespace prefork::worker
