// Goal: an exchange passes every kind of answer to a sink that knows nothing about HTTP/1, as events: head, data, end,
// reset.
#include "framework/http/server/exchange.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/mman.h>

#include <coroutine>
#include <stdexcept>

#include <prefork/http/error.hpp>

#include "tests/framework/http/message/field_lines.hpp"
#include "tests/framework/worker/harness.hpp"

namespace prefork::http::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Events final : ExchangeSink {
  std::vector<std::string> all;
  std::size_t room = SIZE_MAX;  ///< for parts
  bool full = false;            ///< for pieces
  bool gone = false;

  void head(const Response& response, HeadShape shape) override {
    std::string text = "head " + std::to_string(code(response.status()));
    for (const Header field : ResponseParts::fields(response))
      text.append(" ").append(field.name).append("=").append(field.value);
    if (shape.head_only) text += " only";
    if (shape.rest == Rest::none && !shape.head_only) text.append(" [").append(response.body()).append("]");
    all.push_back(text);
    if (shape.rest == Rest::none) all.emplace_back("end");
  }
  bool data(std::string_view piece) override {
    all.push_back("data " + std::string(piece));
    return !gone;
  }
  bool blocked() const noexcept override { return full; }
  std::optional<std::size_t> some_data(std::string_view bytes, bool) override { return take("bytes", bytes.size()); }
  std::optional<std::size_t> some_data(const FilePart& part) override {
    return take("file at " + std::to_string(part.offset), part.bytes);
  }
  bool end(FieldList trailers) override {
    std::string text = "end";
    for (const Header field : trailers) text.append(" ").append(field.name).append("=").append(field.value);
    all.push_back(text);
    return !gone;
  }
  void reset() override { all.emplace_back("reset"); }

 private:
  std::optional<std::size_t> take(const std::string& what, std::size_t bytes) {
    if (gone) return std::nullopt;
    const std::size_t taken = std::min(bytes, room);
    room -= taken;
    if (taken > 0) all.push_back(what + ": " + std::to_string(taken));
    return taken;
  }
};

struct Gate {
  std::coroutine_handle<> waiting;
  struct Awaiter {
    Gate& gate;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) { gate.waiting = self; }
    void await_resume() const noexcept {}
  };
  Awaiter wait() { return {*this}; }
};

/// A body in pieces that are already decoded.
struct Pieces final : BodyFeed {
  std::vector<BodyPiece> left;
  BodyPiece next() override {
    if (left.empty()) return {};
    const BodyPiece piece = left.front();
    left.erase(left.begin());
    return piece;
  }
  const std::string* trailers() const noexcept override { return nullptr; }
};

SharedFile memory_file() { return std::make_shared<FileHandle>(::memfd_create("exchange_test", MFD_CLOEXEC)); }

class ExchangeTest : public testing::Test, private ExchangeObserver {
 protected:
  ExchangeTest() {
    Router router;
    router.get("/", [](Request&) { return Response::text("hello").set("A", "b"); });
    router.get("/throw", [](Request&) -> Response { throw std::runtime_error("no"); });
    router.get("/error", [](Request&) -> Response { throw Error(Status::forbidden, "not you"); });
    router.get("/wait", [this](Request& request) -> Task<Response> {
      co_await gate.wait();
      co_return Response::text(std::string(request.path()));
    });
    router.get("/stream", [this](Request&) {
      return Response::stream(kTextPlain, [this](BodyWriter& body) -> Task<void> {
        co_await body.write("one");
        co_await body.write("two");
        if (fails) throw std::runtime_error("broken on purpose");
        body.trailer("X", "y");
      });
    });
    router.get("/parts", [](Request&) {
      return Response().body(std::vector<BodyPart>{std::string("text"), FilePart{memory_file(), 5, 100},
                                                   std::make_shared<const std::string>(20'000, 'x')});
    });
    router.post("/read", read_all, {BodyMode::streamed, std::nullopt});
    HttpOptions options;
    options.queue_timeout = std::chrono::milliseconds(100);
    endpoint.mount("/", std::move(router), options, &harness.host);
  }

  static Task<Response> read_all(Request& request) {
    std::string all;
    while (auto piece = co_await request.read()) all.append(*piece).append(";");
    co_return Response::text(all);
  }

  /// Makes an exchange from a request whose head has been parsed.
  Dispatch begin(std::string_view path, Method method = Method::get) {
    RequestHead& head = exchange->state.head;
    head = RequestHead{};
    head.method = method;
    head.method_name = method == Method::get ? "GET" : method == Method::head ? "HEAD" : "POST";
    head.target = head.path = path;
    return exchange->route();
  }
  Exchange::Step ask(std::string_view path, Method method = Method::get) {
    return exchange->answer(begin(path, method), sink);
  }
  std::vector<std::string> events() { return std::exchange(sink.all, {}); }

  void serving(RequestState& request) override { seen.push_back("serving " + std::string(request.head.path)); }
  void answered(const Answer& answer) override {
    seen.push_back(std::to_string(code(answer.response->status())) + ", " + std::to_string(answer.body_bytes) +
                   " bytes" + (answer.complete ? "" : ", cut short") + (answer.exchange == nullptr ? ", unknown" : ""));
  }

  worker::test::Harness harness;
  Endpoint endpoint;
  Exchanges exchanges{endpoint, this};
  std::vector<std::string> seen;
  Events sink;
  Gate gate;
  bool fails = false;
  std::unique_ptr<Exchange> exchange = exchanges.take();
};

TEST_F(ExchangeTest, GivesAPlainAnswerAtOnce) {
  EXPECT_EQ(ask("/"), Exchange::Step::done);
  EXPECT_THAT(events(), ElementsAre("head 200 A=b [hello]", "end"));
  EXPECT_THAT(seen, ElementsAre("serving /", "200, 5 bytes"));
  EXPECT_EQ(exchanges.served(), 1U);
}

TEST_F(ExchangeTest, AHeadRequestHasNoBody) {
  EXPECT_EQ(ask("/", Method::head), Exchange::Step::done);
  EXPECT_EQ(ask("/parts", Method::head), Exchange::Step::done);
  EXPECT_THAT(events(), ElementsAre("head 200 A=b only", "end", "head 200 only", "end"));
}

TEST_F(ExchangeTest, AnswersWithoutAHandler) {
  EXPECT_EQ(ask("/none"), Exchange::Step::done);
  EXPECT_EQ(ask("/", Method::post), Exchange::Step::done);
  EXPECT_THAT(sink.all.at(0), testing::StartsWith("head 404"));
  EXPECT_THAT(sink.all.at(2), testing::StartsWith("head 405 Allow=GET, HEAD, OPTIONS"));
  EXPECT_THAT(seen, ElementsAre("404, 14 bytes", "405, 23 bytes"));
}

TEST_F(ExchangeTest, MakesAnAnswerOfAnException) {
  EXPECT_EQ(ask("/throw"), Exchange::Step::done);
  EXPECT_EQ(ask("/error"), Exchange::Step::done);
  EXPECT_THAT(sink.all.at(0), testing::StartsWith("head 500"));
  EXPECT_THAT(sink.all.at(2), testing::StartsWith("head 403"));
  EXPECT_THAT(harness.log.lines, ElementsAre(testing::HasSubstr("GET /throw: no")));
}

TEST_F(ExchangeTest, GivesTheAnswerOfAHandlerThatWaited) {
  bool done = false;
  ASSERT_EQ(ask("/wait"), Exchange::Step::waits);
  EXPECT_THAT(events(), IsEmpty());
  exchange->notify([](void* flag) { *static_cast<bool*>(flag) = true; }, &done);
  gate.waiting.resume();
  ASSERT_TRUE(done);
  EXPECT_EQ(exchange->finish(sink), Exchange::Step::done);
  EXPECT_THAT(events(), ElementsAre("head 200 [/wait]", "end"));
}

TEST_F(ExchangeTest, GivesUpAHandlerThatWaitsTooLong) {
  ASSERT_EQ(ask("/wait"), Exchange::Step::waits);
  exchange->cancel();
  exchange->give_up(sink);
  EXPECT_TRUE(exchange->cancelled());
  EXPECT_THAT(sink.all.at(0), testing::StartsWith("head 503"));
  EXPECT_THAT(seen, ElementsAre("serving /wait", "503, 24 bytes"));
}

TEST_F(ExchangeTest, ShedsWhatHasWaitedTooLong) {
  begin("/");
  EXPECT_FALSE(exchange->must_shed(100));
  EXPECT_TRUE(exchange->must_shed(101));
  exchange->shed(101, sink);
  EXPECT_THAT(sink.all.at(0), testing::StartsWith("head 503 Retry-After=1"));
  EXPECT_THAT(seen, ElementsAre("503, 24 bytes")) << "no handler is called";
}

TEST_F(ExchangeTest, RefusesWhatCouldNotBeParsed) {
  exchange->refuse(Response::text("bad\n", Status::bad_request), false, false, sink);
  EXPECT_THAT(events(), ElementsAre("head 400 [bad\n]", "end"));
  EXPECT_THAT(seen, ElementsAre("400, 4 bytes, unknown"));
}

TEST_F(ExchangeTest, StreamsABody) {
  ASSERT_EQ(ask("/stream"), Exchange::Step::body);
  exchange->open_stream(sink);
  ASSERT_TRUE(exchange->call_stream());
  EXPECT_TRUE(exchange->end_stream());
  exchange->end_body(true);
  EXPECT_THAT(events(), ElementsAre("head 200", "data one", "data two", "end X=y"));
  EXPECT_THAT(seen, ElementsAre("serving /stream", "200, 6 bytes"));
}

TEST_F(ExchangeTest, AStreamWaitsForASinkThatIsBlocked) {
  ASSERT_EQ(ask("/stream"), Exchange::Step::body);
  sink.full = true;
  StreamedBody& stream = exchange->open_stream(sink);
  ASSERT_FALSE(exchange->call_stream());
  EXPECT_THAT(events(), ElementsAre("head 200", "data one"));
  sink.full = false;
  stream.on_flushed();
  EXPECT_TRUE(exchange->end_stream());
  EXPECT_THAT(events(), ElementsAre("data two", "end X=y"));
}

TEST_F(ExchangeTest, AStreamThatFailsIsReset) {
  fails = true;
  ASSERT_EQ(ask("/stream"), Exchange::Step::body);
  exchange->open_stream(sink);
  ASSERT_TRUE(exchange->call_stream());
  EXPECT_FALSE(exchange->end_stream());
  exchange->end_body(false);
  EXPECT_THAT(events(), ElementsAre("head 200", "data one", "data two", "reset"));
  EXPECT_THAT(seen, ElementsAre("serving /stream", "200, 6 bytes, cut short"));
  EXPECT_THAT(harness.log.lines, ElementsAre(testing::HasSubstr("broken on purpose")));
}

TEST_F(ExchangeTest, AStreamThatWaitsTooLongIsCut) {
  ASSERT_EQ(ask("/stream"), Exchange::Step::body);
  sink.full = true;
  exchange->open_stream(sink);
  ASSERT_FALSE(exchange->call_stream());
  exchange->cut_stream();
  EXPECT_THAT(events(), ElementsAre("head 200", "data one", "reset"));
}

TEST_F(ExchangeTest, SendsPartsAsTheSinkHasRoom) {
  ASSERT_EQ(ask("/parts"), Exchange::Step::body);
  PartsTransfer& parts = exchange->open_parts();
  sink.room = 34;
  EXPECT_EQ(parts.pump(sink), PartsTransfer::Step::blocked);
  EXPECT_THAT(events(), ElementsAre("head 200", "bytes: 4", "file at 5: 30"));
  sink.room = SIZE_MAX;
  EXPECT_EQ(parts.pump(sink), PartsTransfer::Step::done);
  exchange->end_body(true);
  EXPECT_THAT(events(), ElementsAre("file at 35: 70", "bytes: 20000", "end"));
  EXPECT_THAT(seen, ElementsAre("serving /parts", "200, 20104 bytes"));
}

TEST_F(ExchangeTest, PartsEndWhereTheClientIsGone) {
  ASSERT_EQ(ask("/parts"), Exchange::Step::body);
  PartsTransfer& parts = exchange->open_parts();
  sink.gone = true;
  EXPECT_EQ(parts.pump(sink), PartsTransfer::Step::broken);
  exchange->end_body(false);
  EXPECT_THAT(seen, ElementsAre("serving /parts", "200, 0 bytes, cut short"));
}

TEST_F(ExchangeTest, ReadsABodyFromAnyFeed) {
  const Dispatch target = begin("/read", Method::post);
  ASSERT_TRUE(target.streamed);
  Pieces feed;
  feed.left = {{BodyPiece::Kind::bytes, "a", nullptr}, {BodyPiece::Kind::none, {}, nullptr}};
  exchange->prepare(target);
  exchange->state.reader = &exchange->reader.emplace(feed);
  ASSERT_FALSE(exchange->call());
  EXPECT_TRUE(exchange->reader->waiting());
  feed.left = {{BodyPiece::Kind::bytes, "b", nullptr}, {BodyPiece::Kind::end, {}, nullptr}};
  exchange->reader->on_input();
  EXPECT_EQ(exchange->finish(sink), Exchange::Step::done);
  EXPECT_THAT(events(), ElementsAre("head 200 [a;b;]", "end"));
}

TEST_F(ExchangeTest, ABodyThatIsRefusedIsTheAnswer) {
  const Dispatch target = begin("/read", Method::post);
  Pieces feed;
  feed.left = {{BodyPiece::Kind::refused, {}, &refusals::kLongBody}};
  exchange->prepare(target);
  exchange->state.reader = &exchange->reader.emplace(feed);
  ASSERT_TRUE(exchange->call());
  EXPECT_EQ(exchange->finish(sink), Exchange::Step::done);
  EXPECT_THAT(sink.all.at(0), testing::StartsWith("head 413"));
}

}  // namespace
}  // namespace prefork::http::test
