#include "framework/master/workforce/saturation_watch.hpp"

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

class SaturationWatchTest : public CrewTest {
 protected:
  SaturationWatchTest() {
    config::ServiceOptions service;
    service.name = "service";
    service.listeners.push_back(config::parse_listen("tcp://127.0.0.1:0"));
    generation->options.services.push_back(service);
    generation->listeners = std::make_unique<ListenerSet>(generation->options);
    pool = serve("main", 2);
    add_many(pool, 2);
  }
  /// A client that waits in the backlog.
  ipc::UniqueFd connect() {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::getsockname(generation->listeners->listeners()[0].sockets[0]->get(), generic, &length), 0);
    ipc::UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(client.get(), generic, length), 0);
    return client;
  }
  void set_full(bool full) {
    crew.workers.for_each([&](const WorkerRecord& worker) { crew.slot(worker).full.store(full); });
  }
  void look_for(std::chrono::seconds time) {
    for (const TimePoint end = now + time; now < end; now += Saturation::kPause) watch.tend(now);
  }

  std::size_t pool = 0;
  SaturationWatch watch{crew, log};
};

TEST_F(SaturationWatchTest, LooksOnceASecond) {
  EXPECT_EQ(watch.of("main"), nullptr);
  watch.tend(now);
  EXPECT_EQ(watch.next(), now + Saturation::kPause);
  ASSERT_NE(watch.of("main"), nullptr);
  EXPECT_FALSE(watch.of("main")->full_since());
}

TEST_F(SaturationWatchTest, AFullPoolIsToldOnceAndItsEndOnce) {
  const ipc::UniqueFd client = connect();
  set_full(true);
  look_for(5s);
  EXPECT_TRUE(watch.of("main")->full_since());
  EXPECT_EQ(watch.of("main")->waiting(), 1U);
  const std::string text = lines();
  const std::string warning = "pool main is full: its 2 workers take no more connections";
  EXPECT_THAT(text, HasSubstr(warning));
  EXPECT_EQ(text.find(warning), text.rfind(warning));
  set_full(false);
  look_for(20s);
  EXPECT_THAT(lines(), HasSubstr("pool main has room again, after "));
  EXPECT_THAT(lines(), HasSubstr("; at most 1 client waited"));
}

TEST_F(SaturationWatchTest, APoolThatIsGoneIsForgotten) {
  watch.look(now);
  crew.pools.at(pool).role = PoolRole::leaving;
  watch.look(now);
  EXPECT_EQ(watch.of("main"), nullptr);
}

}  // namespace
}  // namespace prefork::master
