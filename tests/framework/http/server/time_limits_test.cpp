// Goal: requests that take too long, or have waited too long, end as docs/http.md says, and no other request suffers.
#include <unistd.h>

#include <coroutine>

#include <prefork/http.hpp>
#include <prefork/http/event_stream.hpp>

#include "framework/http/server/slow_log.hpp"
#include "ipc/objects/metrics.hpp"
#include "tests/framework/http/routed.hpp"
#include "tests/framework/worker/harness.hpp"

namespace prefork::http {
namespace {

using namespace std::chrono_literals;
using test::kOptions;
using test::Routed;
using worker::test::Harness;

Harness::Options with(std::string name, std::string value) {
  Harness::Options options = kOptions;
  options[std::move(name)] = std::move(value);
  return options;
}

class TimeLimitsTest : public testing::Test, public worker::test::ServedBy<Routed> {
 protected:
  explicit TimeLimitsTest(Harness::Options options = kOptions, std::chrono::milliseconds limit = 30ms)
      : ServedBy<Routed>({0ms, 5000ms, limit}, std::move(options)) {}

  std::string ask(std::string_view bytes) {
    ipc::UniqueFd client = open(worker::test::tcp_pair());
    send(client.get(), bytes);
    std::string answer = receive(client.get());
    hang_up(client);
    return answer;
  }

  /// Counts how many of it are alive.
  struct Alive {
    explicit Alive(int& its_count) : count(its_count) { ++count; }
    Alive(const Alive&) = delete;
    Alive& operator=(const Alive&) = delete;
    ~Alive() { --count; }
    int& count;
  };
  int alive = 0;

  Task<int> child(Context& context) {
    const Alive guard(alive);
    co_await context.sleep_for(1h);
    co_return 1;
  }
  CoroutineHandler waits_for_ever() {
    return [this](Request& request) -> Task<Response> {
      const Alive guard(alive);
      const int n = co_await child(request.context());
      co_return Response::text(std::to_string(n));
    };
  }
};

TEST_F(TimeLimitsTest, ACoroutineThatWaitsIsDestroyedAndAnsweredFor) {
  service.fill = [&](Router& router) {
    router.get("/", waits_for_ever());
    router.get("/next", [](Request&) { return Response::text("next"); });
  };
  const std::string late = ask("GET /?b HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(late.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << late;
  EXPECT_NE(late.find("\r\nConnection: close\r\n"), std::string::npos) << late;
  EXPECT_EQ(late.find("next"), std::string::npos) << "nothing follows";
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(counter(ipc::Counter::timeouts), 1U);
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_TRUE(log.lines[0].starts_with("test: GET /?b: 503 after ")) << log.lines[0];
  EXPECT_TRUE(log.lines[0].ends_with(" ms, cancelled at its request-timeout")) << log.lines[0];
}

TEST_F(TimeLimitsTest, WhoIsInTimeIsNotTouched) {
  service.fill = [&](Router& router) {
    router.get("/", [](Request& request) -> Task<Response> {
      co_await request.context().sleep_for(1ms);
      co_return Response::text("ok");
    });
    router.get("/last", [](Request& request) -> Task<Response> {
      co_await request.context().sleep_for(1ms);
      co_return Response::text("last").close();
    });
  };
  // Together they take longer than one may.
  std::string all;
  for (int i = 0; i < 60; ++i) all += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string answer = ask(all + "GET /last HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("last"));
  EXPECT_EQ(answer.find(" 503 "), std::string::npos);
}

TEST_F(TimeLimitsTest, OneIsCancelledAmongMany) {
  service.fill = [&](Router& router) {
    router.get("/", waits_for_ever());
    router.get("/short", [](Request& request) -> Task<Response> {
      co_await request.context().sleep_for(1ms);
      co_return Response::text("short").close();
    });
  };
  ipc::UniqueFd stuck = open(worker::test::tcp_pair());
  send(stuck.get(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  turn();
  for (int i = 0; i < 5; ++i) {
    ipc::UniqueFd client = open(worker::test::tcp_pair());
    send(client.get(), "GET /short HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(receive(client.get()).ends_with("short"));
  }
  EXPECT_TRUE(receive(stuck.get()).starts_with("HTTP/1.1 503 "));
  hang_up(stuck);
}

TEST_F(TimeLimitsTest, AClientThatHasLeftLeavesNoCoroutine) {
  service.fill = [&](Router& router) { router.get("/", waits_for_ever()); };
  ipc::UniqueFd client = open(worker::test::tcp_pair());
  send(client.get(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(turn_until([&] { return alive == 2; }));
  hang_up(client);
  EXPECT_EQ(alive, 0);
}

TEST_F(TimeLimitsTest, ABodyThatNeverEndsEndsWithItsTime) {
  service.fill = [&](Router& router) {
    router.post("/",
                [&](Request& request) -> Task<Response> {
                  const Alive guard(alive);
                  for (;;) {
                    const auto piece = co_await request.read();
                    if (!piece) break;
                  }
                  co_return Response();
                },
                {BodyMode::streamed, std::nullopt});
  };
  for (const char* framing : {"Content-Length: 100000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"}) {
    ipc::UniqueFd client = open(worker::test::tcp_pair());
    send(client.get(), "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(framing));
    std::string answer;
    EXPECT_TRUE(turn_until([&] {
      static_cast<void>(::send(client.get(), "1\r\nx\r\n", 6, MSG_NOSIGNAL));
      char chunk[4096];
      const ssize_t n = ::recv(client.get(), chunk, sizeof chunk, 0);
      if (n > 0) answer.append(chunk, static_cast<std::size_t>(n));
      return !answer.empty();
    }));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
    EXPECT_EQ(alive, 0);
    hang_up(client);
  }
}

TEST_F(TimeLimitsTest, AStreamIsCutBeforeItsEnd) {
  service.fill = [&](Router& router) {
    router.get("/", [&](Request&) {
      return Response::stream(MediaType("text/plain"), [&](BodyWriter& body) -> Task<void> {
        const Alive guard(alive);
        body.on_close([&] { ADD_FAILURE() << "what it captured is gone"; });
        co_await body.write("begun");
        co_await body.context().sleep_for(1h);
      });
    });
  };
  const std::string answer = ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(answer.ends_with("\r\n5\r\nbegun\r\n")) << answer;
  EXPECT_EQ(alive, 0);
}

TEST_F(TimeLimitsTest, EventsGoOn) {
  service.fill = [&](Router& router) {
    router.get("/", [](Request& request) {
      return event_stream(request, [](EventStream& events) -> Task<void> {
        co_await events.context().sleep_for(100ms);
        ServerEvent event;
        event.data = "late";
        co_await events.send(event);
      });
    });
  };
  const std::string answer = ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("data: late\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("0\r\n\r\n")) << answer;
}

TEST_F(TimeLimitsTest, TheHeartbeatAndTheAgeAreThoseOfTheRequest) {
  std::uint64_t beat = 0, since = 0;
  service.fill = [&](Router& router) {
    router.get("/", [&](Request&) {
      beat = runtime.slot.heartbeat_ns.load();
      since = runtime.slot.activity().since_ns;
      return Response::text("x").close();
    });
  };
  const std::uint64_t before = ipc::monotonic_ns();
  ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_GE(beat, before);
  EXPECT_EQ(since, beat);
  EXPECT_EQ(runtime.slot.activity().kind, ipc::ActivityKind::none) << "what comes next is not that request";
}

struct UnlimitedTest : TimeLimitsTest {
  UnlimitedTest() : TimeLimitsTest(kOptions, 0ms) {}
};

TEST_F(UnlimitedTest, NothingIsTimed) {
  std::uint64_t started = 1;
  runtime.slot.heartbeat_ns.store(0);
  service.fill = [&](Router& router) {
    router.get("/", [&](Request& request) -> Task<Response> {
      started = runtime.slot.heartbeat_ns.load();
      co_await request.context().sleep_for(50ms);
      co_return Response::text("late").close();
    });
  };
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").ends_with("late"));
  EXPECT_EQ(started, 0U) << "no clock is read for it";
  EXPECT_TRUE(log.lines.empty());
}

struct SlowTest : TimeLimitsTest {
  SlowTest() : TimeLimitsTest(with("slow-request", "20"), 0ms) {}
};

TEST_F(SlowTest, IsToldOfOnce) {
  service.fill = [&](Router& router) {
    router.get("/fast", [](Request&) { return Response::text("fast"); });
    router.get("/slow", [](Request& request) -> Task<Response> {
      co_await request.context().sleep_for(30ms);
      co_return Response::error(Status::not_found).close();
    });
  };
  ask("GET /fast HTTP/1.1\r\nHost: a\r\n\r\nGET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  std::erase_if(log.lines,
                [](const std::string& line) { return line.find("/fast") != std::string::npos; });  // a busy machine
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_TRUE(log.lines[0].starts_with("test: GET /slow: 404 after ")) << log.lines[0];
  EXPECT_TRUE(log.lines[0].ends_with(" ms, slow")) << log.lines[0];
}

struct QueueTest : TimeLimitsTest {
  QueueTest() : TimeLimitsTest(with("queue-timeout", "400"), 0ms) { host.responses(&responses); }
  std::vector<std::uint64_t> memory = std::vector<std::uint64_t>(ipc::SharedCounter::bytes({}, 1) / 8);
  ipc::SharedResponses responses{memory.data(), 1, {ipc::owner_of(0), nullptr}};
};

TEST_F(QueueTest, WhoHasWaitedTooLongIsShed) {
  service.fill = [](Router& router) {
    router.get("/", [](Request&) { return Response::text("ok"); });
    router.post("/", [](Request&) { return Response::text("posted"); });
  };
  auto ends = worker::test::tcp_pair();
  send(ends.client.get(), "GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
  ::usleep(600'000);  // the wait that is measured
  ipc::UniqueFd client = open(std::move(ends));
  const std::string shed = receive(client.get());
  EXPECT_TRUE(shed.starts_with("HTTP/1.1 503 ")) << shed;
  EXPECT_NE(shed.find("\r\nRetry-After: 1\r\n"), std::string::npos) << shed;
  EXPECT_NE(shed.find("\r\nConnection: close\r\n"), std::string::npos) << shed;
  hang_up(client);
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_TRUE(log.lines[0].starts_with("test: GET /: 503 after ")) << log.lines[0];
  EXPECT_TRUE(log.lines[0].ends_with(" ms, shed: its wait was longer than queue-timeout")) << log.lines[0];

  client = open(worker::test::tcp_pair());
  send(client.get(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  std::string answer;
  EXPECT_TRUE(turn_until([&] {
    char chunk[4096];
    const ssize_t n = ::recv(client.get(), chunk, sizeof chunk, 0);
    if (n > 0) answer.append(chunk, static_cast<std::size_t>(n));
    return answer.ends_with("ok");
  })) << answer;
  send(client.get(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ::usleep(600'000);
  EXPECT_TRUE(receive(client.get()).starts_with("HTTP/1.1 503 ")) << "a connection that is kept";
  hang_up(client);

  client = open(worker::test::stream_pair());
  send(client.get(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  ::usleep(600'000);
  EXPECT_TRUE(receive(client.get()).starts_with("HTTP/1.1 200 ")) << "nobody knows for unix sockets";
  hang_up(client);
  EXPECT_EQ(responses.counts().shed, 2U);
  EXPECT_EQ(responses.counts().by_class, (std::array<std::uint64_t, 5>{0, 2, 0, 0, 2}));
}

TEST(LineBudget, LetsABurstPassAndThenOneASecond) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  LineBudget budget;
  std::uint64_t now = 5'000 * kSecond;
  for (std::uint64_t i = 0; i < LineBudget::kBurst; ++i) EXPECT_EQ(budget.take(now), 0U);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(budget.take(now + kSecond / 2), std::nullopt);
  EXPECT_EQ(budget.take(now + kSecond), 7U) << "it says how many it held back";
  EXPECT_EQ(budget.take(now + kSecond), std::nullopt);
  EXPECT_EQ(budget.take(now + 2 * kSecond), 1U);
  now += 1'000'000 * kSecond;
  for (std::uint64_t i = 0; i < LineBudget::kBurst; ++i) EXPECT_EQ(budget.take(now), 0U) << i;
  EXPECT_EQ(budget.take(now), std::nullopt) << "no more than a burst is saved up";
  EXPECT_EQ(budget.take(0), std::nullopt) << "time that goes back earns nothing";
}

TEST(SlowLine, IsBounded) {
  RequestHead head;
  head.method_name = "GET";
  const std::string target(10'000, 'a');
  head.target = target;
  EXPECT_EQ(slow_line(head, Status::ok, 1234, "slow"), "GET " + std::string(200, 'a') + "...: 200 after 1234 ms, slow");
  head.target = "/x";
  EXPECT_EQ(slow_line(head, Status::service_unavailable, 0, "slow"), "GET /x: 503 after 0 ms, slow");
}

}  // namespace
}  // namespace prefork::http
