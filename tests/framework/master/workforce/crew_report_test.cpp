#include "framework/master/workforce/crew_report.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "framework/master/workforce/lost_request.hpp"
#include "tests/framework/master/workforce/crew_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_crew;

class CrewReportTest : public CrewTest {
 protected:
  StatusSnapshot status() {
    StatusSnapshot snapshot;
    report_crew(crew, saturation, now, snapshot);
    return snapshot;
  }
  SaturationWatch saturation{crew, log};
};

TEST_F(CrewReportTest, PoolsOfOneNameAreOne) {
  const std::size_t old_pool = serve("main", 3);
  add_many(old_pool, 3);
  crew.pools.at(old_pool).role = PoolRole::outgoing;
  const auto next = make_generation(2);
  add_pool(*next, "main", 5);
  const std::size_t pool = crew.pools.add(next, 0, PoolRole::incoming);
  add(pool);
  add(pool, WorkerState::starting);
  const StatusSnapshot snapshot = status();
  ASSERT_EQ(snapshot.pools.size(), 1U);
  EXPECT_EQ(snapshot.pools[0].target, 5U);
  EXPECT_EQ(snapshot.pools[0].running, 5U);
  EXPECT_EQ(snapshot.pools[0].ready, 4U);
  EXPECT_EQ(snapshot.workers.size(), 5U);
  const Strength strength = strength_of(crew);
  EXPECT_EQ(strength.wanted, 5U);
  EXPECT_EQ(strength.ready, 4U);
  EXPECT_FALSE(strength.complete);
}

TEST_F(CrewReportTest, TotalsHaveTheDeadInThem) {
  const WorkerRecord& worker = add(serve("main", 1));
  crew.slot(worker).add(ipc::Counter::requests, 3);
  crew.totals.retained[static_cast<std::size_t>(ipc::Counter::requests)] = 4;
  crew.totals.departures[static_cast<std::size_t>(Departure::crashed)] = 2;
  crew.totals.recycled["max-rss"] = 1;
  const StatusSnapshot snapshot = status();
  EXPECT_EQ(snapshot.totals.requests, 7U);
  ASSERT_EQ(snapshot.restarts.size(), 2U);
  EXPECT_EQ(snapshot.restarts[0].reason, "crashed");
  EXPECT_EQ(snapshot.restarts[1].reason, "max-rss");
}

TEST_F(CrewReportTest, AWorkersEndHasWhatItServed) {
  const WorkerRecord& worker = add(serve("main", 1));
  const Crew::Served served{"hello: GET /x", 12ms};
  const ExitFacts facts = exit_facts(crew, worker, SIGSEGV, served);
  EXPECT_EQ(facts.pool, "main");
  EXPECT_EQ(facts.activity, "hello: GET /x");
  EXPECT_EQ(facts.activity_for, 12ms);
  EXPECT_FALSE(exit_facts(crew, worker, SIGSEGV, {}).activity);
}

TEST_F(CrewReportTest, OnlyARequestCanBeLost) {
  generation->options.services.push_back({});
  generation->options.services[0].name = "web";
  const std::size_t pool = serve("main", 1);
  crew.pools.at(pool).services = {"web"};
  const WorkerRecord& worker = add(pool);
  EXPECT_FALSE(lost_request_of(crew, worker));
  serves(worker, std::string(ipc::kActivityAddress, '\0') + "GET /x\n");
  const auto lost = lost_request_of(crew, worker);
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->worker, "main/0");
  EXPECT_EQ(lost->service, 0U);
  EXPECT_EQ(lost->generation, generation);
}

}  // namespace
}  // namespace prefork::master
