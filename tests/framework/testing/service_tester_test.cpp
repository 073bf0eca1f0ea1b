#include <prefork/testing.hpp>

#include <gtest/gtest.h>

#include <prefork/http.hpp>
#include <prefork/metrics.hpp>
#include <prefork/queue.hpp>

namespace prefork::testkit {
namespace {

using namespace std::chrono_literals;

/// Has an option, a shared queue, a timer and routes of every kind.
class Notes final : public http::Service {
 public:
  static inline bool stopped = false;

  static void describe(Manifest& manifest) {
    manifest.text("greeting", "Hello", "What it says.");
    manifest.queue("notes", {.capacity = 4, .message_bytes = 32}, "What was noted.");
  }
  Task<void> start(Context& context) override {
    co_await context.sleep_for(1ms);
    if (context.options().text("greeting").empty()) throw std::invalid_argument("no greeting");
    context_ = &context;
  }
  Task<void> stop() override {
    stopped = true;
    return {};
  }
  void routes(http::Router& router) override {
    router.get("/", [this](http::Request&) { return http::Response::text(context_->options().text("greeting")); });
    router.post("/", [this](http::Request& request) -> Task<http::Response> {
      if (context_->queue("notes").put_nowait(request.body()) != PutStatus::done)
        co_return http::Response::error(http::Status::service_unavailable);
      co_return http::Response(http::Status::created);
    });
    router.get("/all", [this](http::Request&) {
      return http::Response::stream(http::kTextPlain, [this](http::BodyWriter& out) -> Task<void> {
        while (auto note = context_->queue("notes").get_nowait()) {
          const std::string line = std::string(note->bytes()) + "\n";
          note->ack();
          co_await out.write(line);
        }
      });
    });
  }

 private:
  Context* context_ = nullptr;
};

TEST(ServiceTester, TalksToAnHttpService) {
  auto tester = ServiceTester::of<Notes>({{"greeting", "Hi"}, {"notes-capacity", "2"}});
  const Answer answer = tester.get("/");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body, "Hi");
  EXPECT_EQ(answer.header("content-TYPE"), "text/plain; charset=utf-8");
  EXPECT_EQ(tester.post("/", "one", "text/plain").status, 201U);
  EXPECT_EQ(tester.post("/", "two", "text/plain").status, 201U);
  EXPECT_EQ(tester.post("/", "three", "text/plain").status, 503U) << "the queue has the test's size";
  EXPECT_EQ(tester.get("/all").body, "one\ntwo\n");
  EXPECT_EQ(tester.request("HEAD", "/").header("Content-Length"), "2");
  EXPECT_EQ(tester.get("/none").status, 404U);
  EXPECT_TRUE(tester.exchange("nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
  Client client = tester.connect();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").receive_answer().body, "Hi") << "keep-alive";
  }
}

TEST(ServiceTester, ChecksOptionsAsTheServerDoes) {
  EXPECT_THROW(ServiceTester::of<Notes>({{"greetings", "Hi"}}), std::runtime_error);
  EXPECT_THROW(ServiceTester::of<Notes>({{"notes-capacity", "3"}}), std::runtime_error);
  EXPECT_THROW(ServiceTester::of<Notes>({{"greeting", ""}}), std::invalid_argument) << "what start() throws";
}

/// Sends back what comes, and counts.
class Echo final : public Service {
 public:
  static void describe(Manifest& manifest) { manifest.counter("bytes", "Bytes that came."); }
  Task<void> on_connection(Connection& peer) override {
    while (auto bytes = co_await peer.read_some()) {
      peer.context().counter("bytes").add(bytes->size());
      co_await peer.write(*bytes);
    }
  }
};

TEST(ServiceTester, TalksToAStreamService) {
  auto tester = ServiceTester::of<Echo>();
  const std::string large(1'000'000, 'x');
  Client client = tester.connect();
  client.send("hello\n");
  EXPECT_EQ(client.receive_until("\n"), "hello\n");
  EXPECT_EQ(tester.exchange("bye"), "bye");
  EXPECT_EQ(tester.context().counter("bytes").value(), 9U);
  tester.drain();
  EXPECT_EQ(client.receive_to_end(), "");
}

TEST(ServiceTester, SaysThatTheServiceHasClosed) {
  auto tester = ServiceTester::of<Echo>();
  Client client = tester.connect();
  client.finish_sending();
  EXPECT_THROW(client.receive(1), std::runtime_error);
}

TEST(ServiceTester, RunsOnUntilTheTestIsContent) {
  auto tester = ServiceTester::of<Echo>();
  int times = 0;
  Timer timer = tester.context().every(1ms, [&] { ++times; });
  tester.run_until([&] { return times >= 3; }, "the timer");
  tester.context().log(LogLevel::info, "mine");
  EXPECT_EQ(tester.log(), std::vector<std::string>{"service: mine"});
}

TEST(ServiceTester, StopsTheService) {
  Notes::stopped = false;
  { auto tester = ServiceTester::of<Notes>(); }
  EXPECT_TRUE(Notes::stopped);
}

}  // namespace
}  // namespace prefork::testkit
