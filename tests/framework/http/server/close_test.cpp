// Goal: every answer before a close arrives whole, and a drain answers the requests that came before it.
#include <functional>
#include <string>
#include <vector>

#include <prefork/http.hpp>

#include "framework/worker/net/stream_connection.hpp"
#include "tests/framework/http/routed.hpp"
#include "tests/framework/worker/harness.hpp"

namespace prefork::http {
namespace {

using namespace std::chrono_literals;
using test::kOptions;
using test::Routed;
using worker::DrainMode;
using worker::test::Harness;
using worker::test::kSlowBytes;
using worker::test::slow_pair;
using worker::test::tcp_pair;

const std::string kBig(kSlowBytes, '~');

class CloseTest : public testing::Test, public worker::test::ServedBy<Routed> {
 protected:
  explicit CloseTest(const Harness::Options& options = kOptions) : ServedBy<Routed>({0ms, 5000ms}, options) {
    service.fill = [this](Router& router) {
      router.get("/big", [](Request&) { return Response::text(kBig); });
      router.get("/n/{n}",
                 [](Request& request) { return Response::text("<" + std::string(request.param("n")) + ">"); });
      router.get("/slow/{n}", [this](Request& request) -> Task<Response> {
        co_await host.sleep_for(20ms);
        co_return Response::text("<" + std::string(request.param("n")) + ">");
      });
      router.post("/unread", [](Request&) -> Task<Response> { co_return Response::text(kBig); },
                  {BodyMode::streamed, std::nullopt});
    };
  }

  static std::string get(const std::string& path, const std::string& fields = {}) {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  }
  /// The bodies of /n and /slow in what was received.
  static std::string bodies(const std::string& answers) {
    std::string all;
    for (std::size_t at = 0; (at = answers.find("\r\n\r\n<", at)) != std::string::npos; ++at)
      all += answers.substr(at + 4, answers.find('>', at) - at - 3);
    return all;
  }
  static std::size_t count(const std::string& text, std::string_view what) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; ++at) ++n;
    return n;
  }
};

TEST_F(CloseTest, WhatComesBehindTheLastRequestTakesNothingOfItsAnswer) {
  struct Row {
    const char* name;
    std::string before;
    std::string after;
  };
  const std::vector<Row> rows = {
      {"a stray line end", get("/big", "Connection: close\r\n"), "\r\n"},
      {"another request", get("/big", "Connection: close\r\n"), get("/n/1")},
      {"HTTP/1.0", "GET /big HTTP/1.0\r\n\r\n", "what is it"},
      {"a megabyte behind it", "GET /big HTTP/1.0\r\n\r\n", std::string(1 << 20, 'x')},
      {"a body that nobody reads", "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", "body body"},
      {"a request that is refused", get("/big") + "GET\r\n\r\n", get("/n/1")},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    ipc::UniqueFd client = open(slow_pair());
    send(client.get(), row.before);
    ASSERT_TRUE(turn_until([&] { return quiet(); })) << "the server is through with it";
    send(client.get(), row.after);
    EXPECT_EQ(count(receive(client.get()), "~"), kBig.size());
    EXPECT_EQ(broken, 0);
    client.reset();
    EXPECT_TRUE(turn_until([&] { return runtime.idle(); }));
  }
}

class ShortKeepalive : public CloseTest {
 protected:
  static Harness::Options options() {
    Harness::Options all = kOptions;
    all["keepalive-timeout"] = "20";
    return all;
  }
  ShortKeepalive() : CloseTest(options()) {}
};

TEST_F(ShortKeepalive, ARequestThatCrossesTheCloseOfAnIdleConnectionTakesNothingWithIt) {
  ipc::UniqueFd client = open(slow_pair());
  send(client.get(), get("/big"));
  ASSERT_TRUE(turn_until([&] { return quiet(); }));
  send(client.get(), get("/n/1"));
  EXPECT_EQ(count(receive(client.get()), "~"), kBig.size());
  EXPECT_EQ(broken, 0);
}

// Goal: a client that does not wait for its answers has them all, and knows which was the last.
TEST_F(CloseTest, ADrainAnswersWhatHasComeBeforeIt) {
  const std::string padding = "X: " + std::string(4000, 'x') + "\r\n";  // more than a block in all
  for (const DrainMode mode : {DrainMode::patient, DrainMode::closing}) {
    for (const char* path : {"/n/", "/slow/"}) {
      SCOPED_TRACE(path);
      struct Another final : CloseTest {
        void TestBody() override {}
      } served;
      ipc::UniqueFd client = served.open(tcp_pair());
      std::string requests;
      std::string wanted;
      for (int i = 0; i < 10; ++i) {
        requests += get(path + std::to_string(i), padding);
        wanted += "<" + std::to_string(i) + ">";
      }
      served.send(client.get(), requests);
      if (path == std::string("/slow/")) served.turn();
      served.drain(mode);
      const std::string answers = served.receive(client.get());
      EXPECT_EQ(bodies(answers), wanted);
      EXPECT_EQ(count(answers, "Connection: close"), 1U);
      EXPECT_EQ(served.broken, 0);
      served.hang_up(client);
    }
  }
}

TEST_F(CloseTest, AnIdleConnectionThatWasAskedInTheMomentOfTheDrainAnswers) {
  ipc::UniqueFd client = open(tcp_pair());
  send(client.get(), get("/n/1"));
  EXPECT_TRUE(turn_until([&] { return runtime.slot.resting.load() == 1; }));
  send(client.get(), get("/n/2"));  // no turn: the loop has not heard of it
  drain(DrainMode::closing);
  EXPECT_EQ(bodies(receive(client.get())), "<1><2>");
  EXPECT_EQ(broken, 0);
}

// Goal: a client that goes on and on is let go of all the same.
TEST_F(CloseTest, ADrainIsNotHeldUpByAClientThatNeverWaits) {
  ipc::UniqueFd client = open(tcp_pair());
  const std::string request = get("/n/1");
  send(client.get(), request + request.substr(0, 10));
  drain(DrainMode::patient);
  std::string unsent;
  std::string answers;
  EXPECT_TRUE(turn_until([&] {
    if (unsent.empty()) unsent = request.substr(10) + request.substr(0, 10);
    if (const ssize_t n = ::send(client.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL); n > 0)
      unsent.erase(0, static_cast<std::size_t>(n));
    char chunk[65536];
    if (const ssize_t n = ::recv(client.get(), chunk, sizeof chunk, 0); n > 0)
      answers.append(chunk, static_cast<std::size_t>(n));
    return quiet();
  }));
  EXPECT_EQ(count(answers, "Connection: close"), 1U);
  EXPECT_GT(count(answers, "<1>"), 100U);
}

}  // namespace
}  // namespace prefork::http
