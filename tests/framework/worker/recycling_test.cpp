#include "framework/worker/recycling.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace prefork::worker {
namespace {

using testing::StartsWith;

class RecyclingTest : public testing::Test {
 protected:
  ipc::WorkerSlot slot{};
};

TEST_F(RecyclingTest, WithoutLimitsItNeverAsks) {
  Recycling recycling({}, -1, 1000);
  slot.add(ipc::Counter::requests, 1'000'000'000'000);
  EXPECT_FALSE(recycling.served_enough(slot));
  EXPECT_FALSE(recycling.outlived(UINT64_MAX / 2));
}

TEST_F(RecyclingTest, CountsRequestsDatagramsAndWhereThereAreNoneConnections) {
  Recycling recycling({10, 0, 0}, -1, 0);
  slot.add(ipc::Counter::accepted, 6);
  slot.add(ipc::Counter::requests, 5);
  slot.add(ipc::Counter::datagrams, 3);
  EXPECT_FALSE(recycling.served_enough(slot)) << "six connections and three datagrams";
  slot.add(ipc::Counter::requests, 2);
  EXPECT_TRUE(recycling.served_enough(slot));
  EXPECT_EQ(recycling.served_out(), "max-requests 10");
  EXPECT_FALSE(recycling.served_enough(slot)) << "it is told once";
}

TEST_F(RecyclingTest, Lifetime) {
  Recycling recycling({0, 5000, 0}, -1, 1000);
  EXPECT_FALSE(recycling.outlived(5999));
  EXPECT_EQ(recycling.outlived(6000), "max-lifetime 5000 ms");
  EXPECT_FALSE(recycling.outlived(9000));
}

TEST_F(RecyclingTest, ResidentMemory) {
  const auto with = [](std::uint64_t bytes) {
    return Recycling({0, 0, bytes}, Recycling::open_statm({0, 0, bytes}), 0);
  };
  Recycling small = with(1);
  EXPECT_THAT(small.outlived(1).value_or(""), StartsWith("max-rss 1: it has "));
  constexpr std::uint64_t kMore = 64U << 20;
  Recycling large = with(UINT64_MAX);
  EXPECT_FALSE(large.outlived(1));
  // Memory that is touched is resident.
  Recycling grows = with(kMore);
  const std::vector<char> touched(kMore + (1U << 20), 'x');
  EXPECT_TRUE(grows.outlived(1)) << touched.size();
}

TEST_F(RecyclingTest, OnlyTheFirstLimitIsTold) {
  Recycling recycling({1, 5000, 0}, -1, 0);
  EXPECT_TRUE(recycling.outlived(5000));
  slot.add(ipc::Counter::requests, 5);
  EXPECT_FALSE(recycling.served_enough(slot));
  EXPECT_FALSE(recycling.served_out());
}

}  // namespace
}  // namespace prefork::worker
