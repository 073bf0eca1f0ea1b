#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <atomic>
#include <new>

#include "framework/config/listen.hpp"
#include "framework/master/workforce/workforce.hpp"
#include "tests/framework/master/workforce/workforce_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_workforce;
using testing::HasSubstr;

class ScalingTest : public WorkforceTest {
 protected:
  /// `workers = least..most`, behind a TCP listener.
  void pool_of(unsigned least, unsigned most) {
    pool().workers = least;
    pool().scaling.max_workers = most;
    pool().scaling.idle_worker_timeout = 300ms;
    config::ServiceOptions service;
    service.name = "service";
    service.listeners.push_back(config::parse_listen("tcp://127.0.0.1:0"));
    generation.options.services.push_back(service);
    generation.listeners.reset();
    generation.listeners = std::make_unique<ListenerSet>(generation.options);
  }
  /// A client that at first waits in the backlog.
  ipc::UniqueFd connect() {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::getsockname(listener(), generic, &length), 0);
    ipc::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(client.get(), generic, length), 0);
    return client;
  }
  int listener() { return generation.listeners->listeners().at(0).sockets.at(0)->get(); }
  bool empty() {
    return turn_until([&] { return status().pools.at(0).running == 0 && force->goal(0) == 0; });
  }
  /// Whether the master wakes up for its pools' load: more often than it looks whether they are full.
  bool is_sampled() {
    const TimePoint now = Clock::now();
    status();  // looks, so that the next time is a second from then
    return *force->next_deadline(now) < now + Saturation::kPause;
  }
  const PoolStatus pool_status() { return status().pools.at(0); }
};

/// What the test and its puppets share.
struct Shared {
  std::atomic<bool> calm;  ///< the rush is over
  static Shared& make() {
    void* memory = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return *new (memory) Shared{};
  }
};

TEST_F(ScalingTest, TheFirstClientStartsAWorkerAndTheLastWorkerGoes) {
  pool_of(0, 2);
  start([this](const SpawnOrder& order) {
    ipc::UniqueFd client(::accept(listener(), nullptr, nullptr));
    Puppet puppet(order);  // hangs up
    puppet.slot().add(ipc::Counter::accepted);
    puppet.serve();
  });
  for (int round = 1; round <= 2; ++round) {
    ASSERT_TRUE(empty());
    EXPECT_FALSE(force->next_deadline(Clock::now())) << "an empty pool costs no timer";
    EXPECT_EQ(pool_status().scaling, "on demand");
    const ipc::UniqueFd client = connect();
    EXPECT_TRUE(turn_until([&] { return test::wait_for(client.get(), POLLIN, 0); })) << "it is served";
    EXPECT_TRUE(turn_until([&] { return ready() == 1; }));
  }
  ASSERT_TRUE(empty());
  EXPECT_EQ(restarts("drained") + restarts("crashed") + restarts("died-before-ready"), 0U);
}

TEST_F(ScalingTest, AnEmptyPoolThatCannotStartIsThrottledAndDoesNotSpin) {
  pool_of(0, 2);
  start([](const SpawnOrder& order) {
    Puppet puppet(order);
    ::_exit(ipc::kExitCannotStart);
  });
  const ipc::UniqueFd client = connect();
  unsigned turns = 0;
  ASSERT_TRUE(turn_until([&] {
    ++turns;
    return pool_status().failures >= 4;
  }));
  EXPECT_LE(restarts("cannot-start"), pool_status().failures + 1U);
  EXPECT_LT(turns, 300U) << "of at most 20 ms, for 300 ms of throttling";
  EXPECT_EQ(force->goal(0), 1U) << "the client is not given up";
}

// Every worker has a client and is busy; then all but one have nothing to do.
TEST_F(ScalingTest, GrowsWithItsLoadAndRetiresOnlyIdleWorkers) {
  pool_of(1, 4);
  Shared& shared = Shared::make();
  start([&](const SpawnOrder& order) {
    Puppet puppet(order);
    puppet.slot().load.begin_busy(ipc::monotonic_ns());
    puppet.slot().connections.store(3);
    puppet.say(ipc::StatusKind::ready);
    while (!shared.calm) ::usleep(5000);
    puppet.slot().load.begin_wait(ipc::monotonic_ns());
    // One serves; one has clients that are silent; the others have none.
    if (order.index != 1) puppet.slot().resting.store(3);
    if (order.index > 1) puppet.slot().connections.store(0);
    puppet.await_order();
    ::_exit(ipc::kExitRetired);
  });
  ASSERT_TRUE(turn_until([&] { return ready() == 4; }));
  const auto grown = pids();
  EXPECT_THAT(lines(), HasSubstr("pool main: 1 -> 2 workers: 100 % busy, 0 waiting"));
  EXPECT_EQ(pool_status().target, 4U);
  EXPECT_EQ(pool_status().size, "1..4");
  EXPECT_EQ(pool_status().scaling, "dynamic");
  EXPECT_TRUE(is_sampled());
  EXPECT_GT(pool_status().busyness, 0.7);
  shared.calm = true;
  ASSERT_TRUE(turn_until([&] { return status().pools[0].running == 1; }));
  EXPECT_EQ(pids().begin()->second, grown.at(1)) << "the one that serves";
  EXPECT_TRUE(turn_until([&] { return pool_status().busyness < 0.1; }));
}

TEST_F(ScalingTest, ASizeThatSomebodySetsIsKeptUntilItIsGivenBack) {
  pool_of(1, 4);
  start([](const SpawnOrder& order) { Puppet(order).serve(); });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  ASSERT_TRUE(force->sizing().set_goal(0, 6));
  ASSERT_TRUE(turn_until([&] { return ready() == 6; }));
  EXPECT_EQ(pool_status().scaling, "held");
  EXPECT_FALSE(is_sampled());
  ASSERT_TRUE(force->sizing().follow_load(0));
  ASSERT_TRUE(turn_until([&] { return status().pools[0].running == 1; })) << "idle ones, beyond the most too";
  force->sizing().empty_all();
  ASSERT_TRUE(turn_until([&] { return status().pools[0].running == 0; }));
  const ipc::UniqueFd client = connect();
  EXPECT_FALSE(force->next_deadline(Clock::now())) << "retired workers are not brought back by a client";
  ASSERT_TRUE(force->sizing().follow_load(0));
  EXPECT_TRUE(turn_until([&] { return ready() == 1; }));
}

TEST_F(ScalingTest, RoomThatAnotherPoolMayGrowIntoIsNotGivenAway) {
  pool_of(1, 10);
  generation.options.pools.push_back(generation.options.pools[0]);
  generation.options.pools[1].name = "other";
  generation.identities["other"] = ipc::resolve_identity(std::nullopt, std::nullopt);
  start([](const SpawnOrder& order) { Puppet(order).serve(); });
  const unsigned room = static_cast<unsigned>(force->slots()) - 10;
  EXPECT_FALSE(force->sizing().set_goal(0, room + 1));
  EXPECT_TRUE(force->sizing().set_goal(0, room));
  EXPECT_TRUE(force->sizing().set_goal(0, 1));
  EXPECT_TRUE(force->sizing().follow_load(0));
}

TEST_F(ScalingTest, APoolOfAFixedSizeIsNotSampled) {
  start([](const SpawnOrder& order) { Puppet(order).serve(); });
  ASSERT_TRUE(turn_until([&] { return all_ready(); }));
  EXPECT_FALSE(is_sampled());
  EXPECT_EQ(pool_status().scaling, "fixed");
  ASSERT_TRUE(force->sizing().set_goal(0, 3));
  EXPECT_EQ(pool_status().scaling, "held");
  ASSERT_TRUE(force->sizing().follow_load(0));
  EXPECT_EQ(force->goal(0), 2U);
  EXPECT_TRUE(turn_until([&] { return status().pools[0].running == 2; }));
}

TEST_F(ScalingTest, ARolloutKeepsTheSizeAndAnEmptyPoolHasItsCanary) {
  pool_of(0, 4);
  start([](const SpawnOrder& order) { Puppet(order).serve(); });
  const auto roll = [&](unsigned least, unsigned most) {
    const auto next = std::make_shared<Generation>();
    next->number = force->current().number + 1;
    next->options = generation.options;
    next->options.pools[0].workers = least;
    next->options.pools[0].scaling.max_workers = most;
    next->identities = generation.identities;
    next->listeners = std::make_unique<ListenerSet>(next->options, force->current().listeners.get());
    force->begin_rollout(next, std::nullopt);
    std::optional<Workforce::RolloutEnd> end;
    EXPECT_TRUE(turn_until([&] {
      if (!end) end = force->take_rollout_end();
      return end && !force->rolling();
    }));
    return end ? end->failure : "it does not end";
  };
  const auto size = [&] { return force->goal(*force->find_pool("main")); };
  EXPECT_EQ(roll(0, 4), "");
  EXPECT_EQ(size(), 1U) << "the canary, until it has been idle";
  EXPECT_TRUE(turn_until([&] { return status().workers.empty(); }));
  EXPECT_EQ(roll(3, 0), "") << "a fixed size";
  EXPECT_EQ(size(), 3U);
  EXPECT_EQ(roll(1, 2), "");
  EXPECT_EQ(size(), 2U) << "as many as there were, at most the most";
  EXPECT_TRUE(turn_until([&] { return status().workers.size() == 1; }));
  EXPECT_EQ(restarts("crashed") + restarts("died-before-ready"), 0U);
}

}  // namespace
}  // namespace prefork::master
