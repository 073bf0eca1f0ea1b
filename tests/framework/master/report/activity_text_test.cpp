#include "framework/master/report/activity_text.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>

namespace prefork::master {
namespace {

using Kind = ipc::ActivityKind;

std::string address() {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(4711);
  in.sin_addr.s_addr = htonl(0xC0000207);
  std::string bytes(ipc::kActivityAddress, '\0');
  std::memcpy(bytes.data(), &in, sizeof in);
  return bytes;
}

std::string text(Kind kind, const std::string& bytes, std::uint8_t service = 1) {
  return activity_text({kind, service, 0, bytes}, {"web", "echo"});
}

TEST(ActivityText, NamesServiceRequestAndClient) {
  EXPECT_EQ(text(Kind::none, address()), "");
  EXPECT_EQ(text(Kind::starting, ""), "echo: start");
  EXPECT_EQ(text(Kind::timer, ""), "echo: a timer");
  EXPECT_EQ(text(Kind::request, address() + "GET /x", 0), "web: GET /x of 192.0.2.7:4711");
  EXPECT_EQ(text(Kind::connection, address()), "echo: connection of 192.0.2.7:4711");
  EXPECT_EQ(text(Kind::datagram, address()), "echo: datagram of 192.0.2.7:4711");
  EXPECT_EQ(text(Kind::request, std::string(ipc::kActivityAddress, '\0') + "GET /x"), "echo: GET /x of unix");
}

TEST(ActivityText, BelievesNothing) {
  EXPECT_EQ(text(Kind::request, "GET /x", 9).substr(0, 3), "?: ");
  for (std::size_t length = 0; length <= 160; ++length) {
    EXPECT_LE(text(Kind::request, std::string(length, '\xff')).size(), 200U);
    EXPECT_LE(text(Kind::connection, std::string(length, '\x01')).size(), 200U);
  }
}

TEST(ActivityText, WhoHasAClient) {
  ipc::Scoreboard board = ipc::Scoreboard::create(1);
  board.assign(0);
  ipc::WorkerSlot& slot = board.slot(0);
  EXPECT_FALSE(has_a_client(slot));
  slot.connections.store(1);
  EXPECT_TRUE(has_a_client(slot)) << "it does not say for whom it works";
  slot.begin_activity(Kind::timer, 0, 0, {});
  EXPECT_FALSE(has_a_client(slot)) << "for itself";
  slot.connections.store(0);
  for (const Kind kind : {Kind::request, Kind::connection, Kind::datagram}) {
    slot.begin_activity(kind, 0, 0, {});
    EXPECT_TRUE(has_a_client(slot));
  }
  slot.end_activity();
  EXPECT_FALSE(has_a_client(slot));
}

}  // namespace
}  // namespace prefork::master
