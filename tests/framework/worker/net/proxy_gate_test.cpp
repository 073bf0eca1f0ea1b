// Goal: a connection gets the address that its PROXY header names and all the bytes after it, however they arrive; a
// connection without a header is not served.
#include "framework/worker/net/proxy_gate.hpp"

#include <gtest/gtest.h>

#include "framework/worker/net/stream_connection.hpp"
#include "tests/framework/worker/harness.hpp"

namespace prefork::worker::test {
namespace {

class ProxyGateTest : public testing::Test, public Served {
 protected:
  ProxyGateTest() {
    service.connection = [this](Connection& peer) -> Task<void> {
      seen = peer.peer_address();
      while (auto bytes = co_await peer.read_some()) co_await peer.write(*bytes);
    };
    protocol = behind_proxy(host, protocol_of(service));
  }
  std::string seen;
};

const std::string kHeader = "PROXY TCP4 192.0.2.7 10.0.0.1 51251 80\r\n";

TEST_F(ProxyGateTest, PassesOnWhatCameWithTheHeader) {
  Connected ends = tcp_pair();
  ASSERT_EQ(::send(ends.client.get(), (kHeader + "hello").data(), kHeader.size() + 5, 0),
            static_cast<ssize_t>(kHeader.size() + 5));
  ipc::UniqueFd client = open(std::move(ends));
  EXPECT_EQ(receive(client.get(), 5), "hello");
  EXPECT_EQ(seen, "192.0.2.7:51251");
  hang_up(client);
}

TEST_F(ProxyGateTest, WaitsForAHeaderInPieces) {
  ipc::UniqueFd client = open(tcp_pair());
  for (const char c : kHeader) {
    EXPECT_EQ(seen, "");
    send(client.get(), std::string(1, c));
    turn();
  }
  send(client.get(), "hi");
  EXPECT_EQ(receive(client.get(), 2), "hi");
  EXPECT_EQ(seen, "192.0.2.7:51251");
  hang_up(client);
}

TEST_F(ProxyGateTest, ClosesWhatHasNoHeader) {
  for (const char* bytes : {"GET / HTTP/1.1\r\n\r\n", "PROXY nonsense\r\n"}) {
    ipc::UniqueFd client = open(tcp_pair());
    send(client.get(), bytes);
    EXPECT_EQ(receive(client.get()), "");
    EXPECT_TRUE(turn_until([&] { return quiet(); }));
  }
  ipc::UniqueFd half = open(tcp_pair());
  send(half.get(), kHeader.substr(0, 20));
  hang_up(half);
  EXPECT_EQ(seen, "");
}

TEST_F(ProxyGateTest, LetsAHeaderThatIsOnItsWayCome) {
  for (const DrainMode mode : {DrainMode::patient, DrainMode::closing}) {
    ipc::UniqueFd client = open(tcp_pair());
    drain(mode);
    turn();
    send(client.get(), kHeader);
    EXPECT_TRUE(turn_until([&] { return seen == "192.0.2.7:51251"; }));
    seen.clear();
    hang_up(client);
  }
}

TEST_F(ProxyGateTest, ClosesWhoStaysSilentWhenTheWorkerStops) {
  ipc::UniqueFd client = open(tcp_pair());
  drain(DrainMode::closing);
  EXPECT_EQ(receive(client.get()), "");
  hang_up(client);
}

}  // namespace
}  // namespace prefork::worker::test
