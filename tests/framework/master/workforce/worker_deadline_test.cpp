#include "framework/master/workforce/worker_deadline.hpp"

#include <gtest/gtest.h>

#include "tests/framework/master/workforce/crew_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_crew;

class WorkerDeadlineTest : public CrewTest {
 protected:
  WorkerDeadlineTest() : pool(serve("main", 1)), worker(add(pool)) {
    worker.entered = now;
    crew.slot(worker).heartbeat_ns.store(ipc::monotonic_ns());
    of_pool().limits.heartbeat = 60s;
  }
  Pool& of_pool() { return crew.pools.at(pool); }
  std::chrono::nanoseconds left() { return deadline_of(crew, worker).value().at - now; }

  std::size_t pool;
  WorkerRecord& worker;
};

TEST_F(WorkerDeadlineTest, AReadyWorkerMustBeat) {
  ASSERT_TRUE(deadline_of(crew, worker));
  EXPECT_EQ(deadline_of(crew, worker)->event, WorkerEvent::heartbeat_lost);
  EXPECT_GE(left(), 60s);
  EXPECT_FALSE(next_look_at(crew, worker, now)) << "no service has a request-timeout";
  of_pool().limits.heartbeat = 0s;
  EXPECT_FALSE(deadline_of(crew, worker));
}

TEST_F(WorkerDeadlineTest, AHeartbeatFromTheFutureIsNotBelieved) {
  crew.slot(worker).heartbeat_ns.store(UINT64_MAX);
  EXPECT_LT(left(), 70s);
}

TEST_F(WorkerDeadlineTest, ARequestShortensIt) {
  of_pool().services = {"web"};
  of_pool().request_timeouts = {1s};
  serves(worker, "GET /");
  EXPECT_TRUE(is_at_request(crew, worker));
  EXPECT_LT(left(), 10s);
  EXPECT_TRUE(next_look_at(crew, worker, now));
  worker.state = WorkerState::starting;
  EXPECT_FALSE(next_look_at(crew, worker, now)) << "it serves nobody yet";
}

TEST_F(WorkerDeadlineTest, WithoutRequestTimeoutsItIsWorkerTimeout) {
  serves(worker, "GET /");
  EXPECT_FALSE(is_at_request(crew, worker));
}

}  // namespace
}  // namespace prefork::master
