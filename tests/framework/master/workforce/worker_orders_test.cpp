#include "framework/master/workforce/worker_orders.hpp"

#include <gtest/gtest.h>

#include <array>

#include "framework/config/listen.hpp"
#include "ipc/posix/pipe.hpp"
#include "tests/framework/master/workforce/crew_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_crew;

class WorkerOrdersTest : public testing::Test {
 protected:
  WorkerOrdersTest() {
    ipc::PacketPipe pipe = ipc::PacketPipe::create();
    worker.control = std::move(pipe.write_end);
    orders = std::move(pipe.read_end);
  }
  /// The next order that the worker gets.
  std::optional<ipc::ControlMessage> next() {
    std::array<std::byte, ipc::kMaxPacketBytes> buffer;
    const auto [status, packet] = ipc::receive_packet(orders.get(), buffer);
    return status == ipc::ReceiveStatus::packet ? ipc::decode_control(packet) : std::nullopt;
  }

  WorkerRecord worker;
  ipc::UniqueFd orders;
};

TEST_F(WorkerOrdersTest, AWorkerThatDrainsKnowsItsTime) {
  order_to_drain(worker, ipc::ControlKind::retire, 1000ms);
  auto order = next();
  ASSERT_TRUE(order);
  EXPECT_EQ(order->kind, ipc::ControlKind::retire);
  EXPECT_EQ(order->argument, 950U) << "it ends by itself a little before";
  order_to_drain(worker, ipc::ControlKind::finish, 0ms);
  order = next();
  ASSERT_TRUE(order);
  EXPECT_EQ(order->argument, UINT32_MAX);
  order_to_stop(worker);
  order = next();
  ASSERT_TRUE(order);
  EXPECT_EQ(order->kind, ipc::ControlKind::stop_now);
}

TEST_F(WorkerOrdersTest, AWorkerThatDoesNotReadHoldsNobodyUp) {
  for (unsigned i = 0; i < 1000; ++i) order_to_stop(worker);
  orders.reset();
  ::signal(SIGPIPE, SIG_IGN);
  order_to_stop(worker);
}

TEST_F(WorkerOrdersTest, WhatNobodyTakesFromAfterItIsToBeEmptied) {
  const auto generation = make_generation(1);
  add_pool(*generation, "main", 1);
  config::ServiceOptions service;
  service.name = "service";
  for (const char* address : {"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}) {
    service.listeners.push_back(config::parse_listen(address));
  }
  generation->options.services.push_back(service);
  generation->listeners = std::make_unique<ListenerSet>(generation->options);
  worker.sockets = sockets_of(make_pool(generation, 0));
  ASSERT_EQ(worker.sockets.size(), 2U);

  order_to_empty(worker, generation->listeners.get());
  EXPECT_FALSE(next()) << "all of it is listened on after it";
  order_to_empty(worker, nullptr);
  const auto order = next();
  ASSERT_TRUE(order);
  EXPECT_EQ(order->kind, ipc::ControlKind::empty);
  EXPECT_EQ(order->argument, 2U) << "a datagram socket has no backlog";
}

}  // namespace
}  // namespace prefork::master
