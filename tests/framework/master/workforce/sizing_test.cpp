#include "framework/master/workforce/sizing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "framework/config/listen.hpp"
#include "tests/framework/master/workforce/crew_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_crew;
using testing::HasSubstr;

class SizingTest : public CrewTest {
 protected:
  /// A pool of `workers = least..most`.
  std::size_t serve_scaled(const std::string& name, unsigned least, unsigned most) {
    config::PoolOptions& options = add_pool(*generation, name, least);
    options.scaling.max_workers = most;
    options.scaling.idle_worker_timeout = 300ms;
    return crew.pools.add(generation, generation->options.pools.size() - 1, PoolRole::serving);
  }
  void rush(const WorkerRecord& worker) {
    crew.slot(worker).load.begin_busy(ipc::monotonic_ns());
    crew.slot(worker).connections.store(1);
  }
  void rest(const WorkerRecord& worker) {
    crew.slot(worker).load.begin_wait(ipc::monotonic_ns());
    crew.slot(worker).connections.store(0);
  }
  unsigned goal(std::size_t pool) { return crew.pools.at(pool).goal; }
  /// Takes samples until `done`, long enough for the real clock, which measures load, to move too.
  template <class Done>
  bool scale_until(Done done) {
    for (const TimePoint end = Clock::now() + 30s; Clock::now() < end; now += 250ms) {
      const auto retiring = sizing.scale(now);
      for (WorkerRecord* worker : retiring) worker->state = WorkerState::retiring;
      if (done()) return true;
    }
    return false;
  }

  Reactor reactor;
  Sizing sizing{crew, reactor, log};
};

TEST_F(SizingTest, ASizeThatIsSetIsHeldUntilItIsGivenBack) {
  const std::size_t pool = serve("main", 2);
  EXPECT_TRUE(sizing.set_goal(pool, 5));
  EXPECT_EQ(goal(pool), 5U);
  EXPECT_TRUE(crew.pools.at(pool).held);
  EXPECT_EQ(sizing.size_text(pool), "2");
  EXPECT_TRUE(sizing.follow_load(pool));
  EXPECT_EQ(goal(pool), 2U);
  EXPECT_FALSE(crew.pools.at(pool).held);
  sizing.empty_all();
  EXPECT_EQ(goal(pool), 0U);
  EXPECT_TRUE(crew.pools.at(pool).held);
}

TEST_F(SizingTest, TheRoomOfPoolsIsKeptForThem) {
  const std::size_t pool = serve("main", 2);
  const std::size_t other = serve_scaled("other", 1, 10);
  EXPECT_FALSE(sizing.set_goal(pool, kSlots - 9)) << "the other may grow to ten";
  EXPECT_TRUE(sizing.set_goal(pool, kSlots - 10));
  EXPECT_EQ(sizing.size_text(other), "1..10");
  ASSERT_TRUE(sizing.set_goal(other, 1));
  EXPECT_TRUE(sizing.set_goal(pool, kSlots - 1)) << "which a held size does not";
  EXPECT_FALSE(sizing.follow_load(other));
}

TEST_F(SizingTest, AFixedPoolIsNotSampled) {
  add(serve("main", 1));
  EXPECT_TRUE(sizing.scale(now).empty());
  EXPECT_FALSE(sizing.next_sample());
}

TEST_F(SizingTest, APoolGrowsWithItsLoadAndItsIdleWorkersGo) {
  const std::size_t pool = serve_scaled("main", 1, 3);
  add_many(pool, 3);
  crew.pools.at(pool).goal = 1;
  crew.workers.for_each([&](WorkerRecord& worker) { rush(worker); });
  EXPECT_TRUE(scale_until([&] { return goal(pool) == 3; }));
  EXPECT_TRUE(sizing.next_sample());
  EXPECT_THAT(lines(), HasSubstr("pool main: 1 -> "));
  crew.workers.for_each([&](WorkerRecord& worker) {
    if (worker.index != 1) rest(worker);
  });
  EXPECT_TRUE(scale_until([&] { return crew.workers.count_filling(pool) <= 2; }));
  crew.workers.for_each([&](const WorkerRecord& worker) {
    EXPECT_TRUE(worker.index != 1 || worker.state == WorkerState::ready) << "it is busy";
  });
}

TEST_F(SizingTest, TheFirstClientOfAnEmptyPoolStartsAWorker) {
  config::ServiceOptions service;
  service.name = "service";
  service.listeners.push_back(config::parse_listen("tcp://127.0.0.1:0"));
  generation->options.services.push_back(service);
  generation->listeners = std::make_unique<ListenerSet>(generation->options);
  const std::size_t pool = serve_scaled("main", 0, 2);
  sizing.watch_for_clients();
  EXPECT_TRUE(sizing.scale(now).empty());
  EXPECT_EQ(goal(pool), 0U);
  EXPECT_FALSE(sizing.next_sample()) << "an empty pool costs no timer";

  sockaddr_in address{};
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::getsockname(generation->listeners->listeners()[0].sockets[0]->get(), generic, &length), 0);
  const ipc::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(client.get(), generic, length), 0);
  reactor.wait(Clock::now() + 10s);
  sizing.scale(now);
  EXPECT_EQ(goal(pool), 1U);
  sizing.watch_for_clients();
  EXPECT_EQ(crew.pools.at(pool).watch, nullptr) << "its worker sees to clients";
}

TEST_F(SizingTest, TheSurplusIsWhoHasLeastToLose) {
  const std::size_t pool = serve("main", 4);
  add_many(pool, 5);
  crew.pools.at(pool).target = 5;
  EXPECT_TRUE(sizing.surplus(pool).empty());
  crew.workers.for_each([&](WorkerRecord& worker) {
    if (worker.index == 4) crew.slot(worker).connections.store(2);
    if (worker.index == 3) serves(worker, "GET /");
    if (worker.index == 0) worker.recycle = "max-requests";
  });
  crew.pools.at(pool).target = 1;
  std::vector<unsigned> going;
  for (const WorkerRecord* worker : sizing.surplus(pool)) going.push_back(worker->index);
  EXPECT_EQ(going, (std::vector<unsigned>{0, 2, 1, 3}));
}

}  // namespace
}  // namespace prefork::master
