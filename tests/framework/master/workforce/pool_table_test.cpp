#include "framework/master/workforce/pool_table.hpp"

#include <gtest/gtest.h>

#include "tests/framework/master/workforce/crew_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_crew;

class PoolTableTest : public testing::Test {
 protected:
  PoolTableTest() {
    for (const auto& generation : {first, second}) {
      add_pool(*generation, "main", 3);
      add_pool(*generation, "api", 1);
    }
  }
  std::shared_ptr<Generation> first = make_generation(1);
  std::shared_ptr<Generation> second = make_generation(2);
  PoolTable pools{kSlots};
};

TEST_F(PoolTableTest, APoolStartsAsItsOptionsSay) {
  const std::size_t id = pools.add(first, 0, PoolRole::serving);
  EXPECT_EQ(pools.at(id).name, "main");
  EXPECT_EQ(pools.at(id).goal, 3U);
  EXPECT_FALSE(pools.at(id).scaler);
  EXPECT_EQ(pools.at(id).generation, first);
}

TEST_F(PoolTableTest, PoolsOfOneNameShareNumberAndSeats) {
  const std::size_t main = pools.add(first, 0, PoolRole::serving);
  const std::size_t api = pools.add(first, 1, PoolRole::serving);
  const std::size_t next = pools.add(second, 0, PoolRole::incoming);
  EXPECT_EQ(pools.at(next).number, pools.at(main).number);
  EXPECT_EQ(pools.at(next).seats, pools.at(main).seats);
  EXPECT_NE(pools.at(api).number, pools.at(main).number);
  EXPECT_NE(pools.at(api).seats, pools.at(main).seats);
}

TEST_F(PoolTableTest, AnIdIsNeverUsedAgain) {
  const std::size_t id = pools.add(first, 0, PoolRole::serving);
  pools.remove_if([&](std::size_t, const Pool& pool) { return pool.name == "main"; });
  EXPECT_GT(pools.add(first, 0, PoolRole::serving), id);
  EXPECT_EQ(pools.next().id, id + 2);
}

TEST_F(PoolTableTest, ANameStandsForTheSideThatIsPreferred) {
  const std::size_t old = pools.add(first, 0, PoolRole::serving);
  EXPECT_EQ(pools.find("main"), old);
  pools.at(old).role = PoolRole::outgoing;
  const std::size_t next = pools.add(second, 0, PoolRole::incoming);
  const std::size_t api = pools.add(first, 1, PoolRole::serving);
  EXPECT_EQ(pools.find("main"), next);
  pools.prefer(PoolRole::outgoing);
  EXPECT_EQ(pools.find("main"), old);
  EXPECT_EQ(pools.find("api"), api) << "nothing is rolled there";
  pools.at(old).role = PoolRole::leaving;
  EXPECT_FALSE(pools.find("main"));
}

}  // namespace
}  // namespace prefork::master
