#include "framework/master/workforce/start_notices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/framework/master/workforce/crew_fixture.hpp"

namespace prefork::master {
namespace {

using namespace test_crew;
using testing::HasSubstr;

class StartNoticesTest : public CrewTest {
 protected:
  StartNoticesTest() : pool(crew.pools.at(serve("main", 1))) {}
  /// A worker that could not start. The next one begins after it.
  void fail() {
    pool.policy.left({Departure::cannot_start, now, std::nullopt, false}, now, 0);
    pool.last_end = "worker main/0: cannot-start";
    now += 1ms;
  }
  Pool& pool;
  StartNotices notices{log};
};

TEST_F(StartNoticesTest, EachFurtherFailureIsToldOnce) {
  fail();
  fail();
  notices.tell(pool, now);
  const std::string once = lines();
  EXPECT_THAT(once, HasSubstr("pool main: 2 failures in a row (cannot start), the next start is tried in "));
  notices.tell(pool, now);
  EXPECT_EQ(lines(), once);
}

TEST_F(StartNoticesTest, ACircuitThatOpensIsToldAndThatItCloses) {
  for (unsigned i = 0; i < 20; ++i) fail();
  notices.tell(pool, now);
  EXPECT_THAT(lines(), HasSubstr("pool main: the circuit is open: 20 failures in a row, the last: worker main/0: "));
  now += 1h;
  notices.tell(pool, now);
  EXPECT_THAT(lines(), HasSubstr("pool main: the circuit is closed"));
}

TEST_F(StartNoticesTest, TellsThatWorkersStartAgain) {
  notices.worked(pool);
  EXPECT_EQ(lines(), "");
  notices.failed(pool, now, "no memory");
  notices.failed(pool, now, "no memory");
  notices.worked(pool);
  EXPECT_THAT(lines(), HasSubstr("pool main: no worker started: no memory"));
  EXPECT_THAT(lines(), HasSubstr("pool main: workers start again, after 2 failed tries"));
}

}  // namespace
}  // namespace prefork::master
