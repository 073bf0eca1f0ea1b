// Goal: no client keeps a connection by sending or taking a little now and then: its time runs out unless it keeps the
// minimum rate, and whenever the server waits for a client, some deadline is running.
#include <prefork/http.hpp>

#include "framework/http/body/transfer_pace.hpp"
#include "tests/framework/http/routed.hpp"

namespace prefork::http {
namespace {

using namespace std::chrono_literals;
using test::kOptions;
using test::Routed;
using worker::test::Harness;

TEST(TransferPace, GivesBackWhatIsEarned) {
  const struct {
    std::uint64_t rate;
    std::optional<std::chrono::milliseconds> left;
    std::uint64_t bytes;
    std::chrono::milliseconds after;
  } rows[] = {
      {500, 10s, 0, 10s},           // nothing moved
      {500, 10s, 500, 11s},         // a second's worth
      {500, 10s, 1, 10'002ms},      // a byte is worth two milliseconds
      {500'000, 10s, 1, 10'001ms},  // never less than one
      {500, 29s, 5000, 30s},        // never more than the time-out
      {500, 0s, 15'000, 30s},
      {500, 0s, UINT64_MAX, 30s},
      {500, 0s, 0, 1ms},            // what has passed, but was not told yet
      {500, std::nullopt, 0, 30s},  // not waited for
      {0, 1s, 0, 30s},              // no rate: all of it
  };
  for (const auto& row : rows) {
    EXPECT_EQ((TransferPace{30s, row.rate}.after(row.left, row.bytes)), row.after) << row.rate << ", " << row.bytes;
  }
}

class DeadlinesTest : public testing::Test, public worker::test::ServedBy<Routed> {
 protected:
  explicit DeadlinesTest(std::map<std::string, std::string> changed = {}, std::chrono::milliseconds write = 5000ms)
      : ServedBy<Routed>({0ms, write}, merged(std::move(changed))) {
    service.fill = [this](Router& router) {
      router.get("/soon", [](Request& request) -> Task<Response> {
        co_await request.context().sleep_for(2ms);
        co_return Response::text("soon");
      });
      router.get("/large", [this](Request&) { return Response::text(std::string(large_, 'x')); });
      router.get("/parts", [this](Request&) {
        std::vector<BodyPart> parts(2, std::make_shared<const std::string>(large_, 'x'));
        return Response().body(std::move(parts));
      });
      router.post("/collected", [](Request& request) { return Response::text(std::to_string(request.body().size())); });
      router.post("/streamed", read_all, {BodyMode::streamed, std::nullopt});
    };
  }
  static Harness::Options merged(std::map<std::string, std::string> changed) {
    Harness::Options options = kOptions;
    for (auto& [name, value] : changed) options[name] = std::move(value);
    return options;
  }
  static Task<Response> read_all(Request& request) {
    std::size_t bytes = 0;
    while (auto piece = co_await request.read()) bytes += piece->size();
    co_return Response::text(std::to_string(bytes));
  }
  /// Some milliseconds.
  void moment() {
    for (int i = 0; i < 5; ++i) turn();
  }

  std::size_t large_ = 4'000'000;
};

struct HeaderDeadline : DeadlinesTest {
  HeaderDeadline() : DeadlinesTest({{"header-timeout", "30"}}) {}
};

TEST_F(HeaderDeadline, RunsForTheRequestBehindOneThatCameInPieces) {
  ipc::UniqueFd client = open();
  send(client.get(), "GET /soon HTTP/1.1\r\nHo");
  turn();
  send(client.get(), "st: a\r\n\r\nGET / HT");
  const std::string answers = receive(client.get());
  EXPECT_TRUE(answers.starts_with("HTTP/1.1 200 OK\r\n")) << answers;
  EXPECT_NE(answers.find("HTTP/1.1 408 "), std::string::npos) << answers;
  hang_up(client);
}

struct BodyDeadline : DeadlinesTest {
  BodyDeadline() : DeadlinesTest({{"body-timeout", "100"}, {"body-min-rate", "100000"}}) {}

  /// Sends a byte now and then. @return the answer
  std::string drip(std::string_view head) {
    ipc::UniqueFd client = open();
    send(client.get(), std::string(head) + "a");
    char first = 0;
    EXPECT_TRUE(turn_until([&] {
      ::send(client.get(), "a", 1, MSG_NOSIGNAL);
      moment();
      return ::recv(client.get(), &first, 1, MSG_PEEK) == 1;
    }));
    std::string answer = receive(client.get());
    hang_up(client);
    return answer;
  }
};

TEST_F(BodyDeadline, IsNotPutOffByDrips) {
  for (const std::string path : {"/collected", "/streamed"}) {
    const std::string start = "POST " + path + " HTTP/1.1\r\nHost: a\r\n";
    EXPECT_TRUE(drip(start + "Content-Length: 1000000\r\n\r\n").starts_with("HTTP/1.1 408 ")) << path;
    EXPECT_TRUE(drip(start + "Transfer-Encoding: chunked\r\n\r\nfffff\r\n").starts_with("HTTP/1.1 408 ")) << path;
  }
}

// The responses before it are all taken only after the body was waited for.
TEST_F(BodyDeadline, RunsBehindResponsesThatWereNotTaken) {
  for (const std::string path : {"/collected", "/streamed"}) {
    ipc::UniqueFd client = open();
    send(client.get(), "GET /large HTTP/1.1\r\nHost: a\r\n\r\nPOST " + path +
                           " HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
    moment();
    const std::string answers = receive(client.get());
    EXPECT_GT(answers.size(), large_);
    EXPECT_NE(answers.find("HTTP/1.1 408 ", large_), std::string::npos) << path;
    hang_up(client);
  }
}

struct WriteDeadline : DeadlinesTest {
  WriteDeadline() : DeadlinesTest({{"write-min-rate", "100000000"}}, 100ms) {}
};

TEST_F(WriteDeadline, IsNotPutOffByReadingNowAndThen) {
  for (const std::string path : {"/large", "/parts"}) {
    worker::test::Connected ends = worker::test::stream_pair();
    const int small = 1;
    ::setsockopt(ends.server.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    ipc::UniqueFd client = open(std::move(ends));
    send(client.get(), "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    std::size_t got = 0;
    EXPECT_TRUE(turn_until([&] {
      char piece[1000];
      const ssize_t n = ::recv(client.get(), piece, sizeof piece, 0);
      if (n > 0) got += static_cast<std::size_t>(n);
      moment();
      return quiet();
    }));
    got += receive(client.get()).size();  // all of it where this machine took longer over one turn than the deadline
    EXPECT_GT(got, 0U);
    EXPECT_LT(got, large_) << path;
    hang_up(client);
  }
}

}  // namespace
}  // namespace prefork::http
