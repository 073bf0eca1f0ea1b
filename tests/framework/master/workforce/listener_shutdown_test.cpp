#include "framework/master/workforce/listener_shutdown.hpp"

#include <gtest/gtest.h>

#include "framework/config/listen.hpp"
#include "tests/framework/master/workforce/crew_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_crew;

class ListenerShutdownTest : public CrewTest {
 protected:
  ListenerShutdownTest() {
    config::ServiceOptions service;
    service.name = "service";
    service.listeners.push_back(config::parse_listen("tcp://127.0.0.1:0"));
    generation->options.services.push_back(service);
    generation->listeners = std::make_unique<ListenerSet>(generation->options);
    pool = serve("main", 1);
    slot = add(pool).slot;
    seat(ipc::SeatState::accepting);
  }
  void seat(ipc::SeatState state) { (*crew.pools.at(pool).seats)[slot].state.store(state); }
  bool is_shut() { return generation->listeners->listeners().empty(); }

  std::size_t pool = 0;
  std::size_t slot = 0;
  ListenerShutdown shutdown;
};

TEST_F(ListenerShutdownTest, WaitsForWorkersToCloseTheirs) {
  shutdown.tend(crew, now);
  EXPECT_FALSE(shutdown.next(now));
  EXPECT_FALSE(is_shut()) << "it has not begun";
  shutdown.begin(now);
  shutdown.tend(crew, now);
  EXPECT_FALSE(is_shut());
  EXPECT_TRUE(shutdown.next(now));
  seat(ipc::SeatState::closed);
  shutdown.tend(crew, now);
  EXPECT_TRUE(is_shut());
  EXPECT_FALSE(shutdown.next(now));
}

TEST_F(ListenerShutdownTest, AStuckWorkerDoesNotHoldItUp) {
  shutdown.begin(now);
  shutdown.begin(now + 1s);
  shutdown.tend(crew, now + 2s);
  EXPECT_TRUE(is_shut());
}

}  // namespace
}  // namespace prefork::master
