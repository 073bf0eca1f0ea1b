// Goal: bodies are received and sent piece by piece over a real socket and a worker's event loop: with back-pressure
// both ways, deadlines, and clients that leave in the middle.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include <prefork/http.hpp>
#include <prefork/http/error.hpp>

#include "framework/http/server/upgrade.hpp"
#include "framework/http/wire/response_parts.hpp"
#include "framework/worker/net/stream_connection.hpp"
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

class ConnectionTest : public testing::Test, public worker::test::ServedBy<Routed> {
 protected:
  explicit ConnectionTest(Harness::Options options = kOptions, worker::ServiceLimits limits = {0ms, 5000ms})
      : ServedBy<Routed>(limits, std::move(options)) {}

  /// What a client receives that sends `bytes` and reads to the end of the stream.
  std::string ask(std::string_view bytes) {
    ipc::UniqueFd client = open(worker::test::tcp_pair());
    send(client.get(), bytes);
    std::string answer = receive(client.get());
    hang_up(client);
    return answer;
  }
  /// The answer without what differs from run to run.
  static std::string body_of(const std::string& answer) {
    const std::size_t end = answer.find("\r\n\r\n");
    return end == std::string::npos ? answer : answer.substr(end + 4);
  }
};

Task<Response> count_bytes(Request& request) {
  std::size_t bytes = 0;
  while (auto piece = co_await request.read()) bytes += piece->size();
  co_return Response::text(std::to_string(bytes));
}

constexpr RouteOptions kStreamed{BodyMode::streamed, std::nullopt};

TEST_F(ConnectionTest, RestsOnlyWhileNothingIsUnderWay) {
  service.fill = [](Router& router) {
    router.get("/", [](Request&) { return Response::text("x"); });
    router.post("/", count_bytes, kStreamed);
  };
  const auto resting = [&](unsigned wanted) {
    return turn_until([&] { return board.slot(0).resting.load() == wanted; });
  };
  ipc::UniqueFd client = open(worker::test::tcp_pair());
  EXPECT_TRUE(resting(0)) << "it has asked nothing yet";
  send(client.get(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(resting(1));
  send(client.get(), "GET / HT");
  EXPECT_TRUE(resting(0)) << "a request has begun";
  send(client.get(), "TP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(resting(1));
  send(client.get(), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
  EXPECT_TRUE(resting(0)) << "its handler waits for the body";
  send(client.get(), "b");
  EXPECT_TRUE(resting(1));
  hang_up(client);
  EXPECT_EQ(board.slot(0).resting.load(), 0U) << "who has gone does not rest";
}

TEST_F(ConnectionTest, ReadsABodyThatCameWithItsRequest) {
  service.fill = [](Router& router) { router.post("/", count_bytes, kStreamed); };
  const std::string answer =
      ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"
          "POST / HTTP/1.1\r\nHost: a\r\n\r\n"
          "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
  std::string lengths;
  for (std::size_t at = 0; (at = answer.find("\r\n\r\n", at)) != std::string::npos;) lengths += answer[at += 4];
  EXPECT_EQ(lengths, "5701") << answer;
}

TEST_F(ConnectionTest, ReadsALongBodyWithoutHoldingIt) {
  service.fill = [](Router& router) { router.post("/", count_bytes, {BodyMode::streamed, 100'000'000}); };
  ipc::UniqueFd client = open(worker::test::tcp_pair());
  const std::string piece(1 << 20, 'x');
  send(client.get(), "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 52428800\r\n\r\n");
  for (int i = 0; i < 50; ++i) send(client.get(), piece);
  EXPECT_EQ(body_of(receive(client.get())), "52428800");
  hang_up(client);
}

TEST_F(ConnectionTest, ReadsChunksThatAreCutAnywhere) {
  service.fill = [](Router& router) {
    router.post(
        "/",
        [](Request& request) -> Task<Response> {
          std::string all;
          while (auto piece = co_await request.read()) all += *piece;
          co_return Response::text(all + "," + std::string(request.trailer("x-sum").value_or("none")));
        },
        kStreamed);
  };
  const std::string message =
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\na\r\nb;x=y\r\nbcdefghijkl\r\n2\r\nmn\r\n0\r\nX-Sum: 14\r\n\r\n";
  for (std::size_t cut = 1; cut < message.size(); ++cut) {
    ipc::UniqueFd client = open(worker::test::tcp_pair());
    send(client.get(), message.substr(0, cut));
    turn();
    send(client.get(), message.substr(cut));
    EXPECT_EQ(body_of(receive(client.get())), "abcdefghijklmn,14") << cut;
    hang_up(client);
  }
}

TEST_F(ConnectionTest, AsksForABodyOnlyWhenItIsRead) {
  service.fill = [](Router& router) {
    router.post("/yes", count_bytes, kStreamed);
    router.post(
        "/no", [](Request&) -> Task<Response> { co_return Response::error(Status::forbidden); }, kStreamed);
  };
  ipc::UniqueFd client = open(worker::test::tcp_pair());
  send(client.get(), "POST /yes HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(receive(client.get(), 25), "HTTP/1.1 100 Continue\r\n\r\n");
  send(client.get(), "hiPOST /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  const std::string rest = receive(client.get());
  EXPECT_EQ(rest.find("100 Continue"), std::string::npos) << rest;
  EXPECT_NE(rest.find("HTTP/1.1 403"), std::string::npos) << rest;
  EXPECT_NE(rest.find("Connection: close"), std::string::npos) << rest;
  hang_up(client);
}

TEST_F(ConnectionTest, RefusesWhatIsWrongWithAStreamedBody) {
  service.fill = [](Router& router) { router.post("/", count_bytes, {BodyMode::streamed, 10}); };
  const auto status = [&](std::string_view framing) {
    return ask("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(framing)).substr(0, 12);
  };
  EXPECT_EQ(status("Content-Length: 11\r\n\r\n"), "HTTP/1.1 413");
  EXPECT_EQ(status("Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\nabcde\r\n0\r\n\r\n"), "HTTP/1.1 413");
  EXPECT_EQ(status("Transfer-Encoding: chunked\r\n\r\nx\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(status("Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n"), "HTTP/1.1 400");
}

TEST_F(ConnectionTest, TellsAReaderThatItsClientHasLeft) {
  std::string why;
  service.fill = [&](Router& router) {
    router.post(
        "/",
        [&](Request& request) -> Task<Response> {
          try {
            while (co_await request.read()) {
            }
          } catch (const Error& error) {
            why = error.what();
            throw;
          }
          co_return Response();
        },
        kStreamed);
  };
  ipc::UniqueFd client = open(worker::test::tcp_pair());
  send(client.get(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf");
  hang_up(client);
  EXPECT_EQ(why, "400 Bad Request: The client closed before its body was complete.");
}

struct SlowBodyTest : ConnectionTest {
  SlowBodyTest() : ConnectionTest(with("body-timeout", "30")) {}
};

TEST_F(SlowBodyTest, Answers408) {
  service.fill = [](Router& router) { router.post("/", count_bytes, kStreamed); };
  EXPECT_EQ(ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf").substr(0, 12), "HTTP/1.1 408");
}

TEST_F(ConnectionTest, LimitsBodiesByRoute) {
  service.fill = [](Router& router) {
    router.post("/small", [](Request&) { return Response::text("small"); }, {BodyMode::collected, 3});
    router.post("/large", [](Request& request) { return Response::text(std::to_string(request.body().size())); },
                {BodyMode::collected, 3'000'000});
  };
  EXPECT_EQ(ask("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd").substr(0, 12), "HTTP/1.1 413");
  EXPECT_EQ(body_of(ask("POST /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2000000\r\n\r\n" +
                        std::string(2'000'000, 'x'))),
            "2000000");
}

TEST_F(ConnectionTest, KeepsTheTrailersOfACollectedBody) {
  service.fill = [](Router& router) {
    router.post("/", [](Request& request) {
      return Response::text(std::string(request.body()) + std::string(request.trailer("SUM").value_or("none")));
    });
  };
  EXPECT_EQ(body_of(ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "2\r\nhi\r\n0\r\nSum:  7 \r\n\r\n")),
            "hi7");
}

TEST_F(ConnectionTest, StreamsABody) {
  service.fill = [](Router& router) {
    router.get("/", [](Request&) {
      return Response::stream(kTextPlain, [](BodyWriter& body) -> Task<void> {
        body.trailer("X-Sum", "3");
        co_await body.write("one");
        co_await body.context().sleep_for(2ms);
        co_await body.write("");
        co_await body.write("two and three");
      });
    });
  };
  EXPECT_EQ(body_of(ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")),
            "3\r\none\r\nd\r\ntwo and three\r\n0\r\nX-Sum: 3\r\n\r\n");
  const std::string old = ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(body_of(old), "onetwo and three");
  EXPECT_NE(old.find("Connection: close"), std::string::npos);
  EXPECT_EQ(body_of(ask("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")), "");
}

TEST_F(ConnectionTest, AnswersWhatFollowsAStreamedBody) {
  service.fill = [](Router& router) {
    router.get("/stream", [](Request&) {
      return Response::stream(kTextPlain, [](BodyWriter& body) -> Task<void> {
        co_await body.context().sleep_for(1ms);
        co_await body.write("x");
      });
    });
    router.get("/", [](Request&) { return Response::text("last"); });
  };
  const std::string answer =
      ask("GET /stream HTTP/1.1\r\nHost: a\r\n\r\nGET /stream HTTP/1.1\r\nHost: a\r\n\r\n"
          "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(answer.find("last"), answer.size() - 4) << answer;
}

// Three requests at once, and the client's end with them: none is left behind the one before.
TEST_F(ConnectionTest, AnswersWhatFollowsAStreamedBodyOfAClientThatSendsNoMore) {
  service.fill = [](Router& router) {
    router.get("/", [](Request&) {
      return Response::stream(kTextPlain, [](BodyWriter& body) -> Task<void> { co_await body.write("at once"); });
    });
    router.post("/", count_bytes, kStreamed);
  };
  worker::test::Connected ends = worker::test::tcp_pair();
  const std::string stream = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  send(ends.client.get(), stream + stream + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nlast" + stream);
  ::shutdown(ends.client.get(), SHUT_WR);
  ipc::UniqueFd client = open(std::move(ends));
  const std::string answer = receive(client.get());
  std::size_t answers = 0;
  for (std::size_t at = 0; (at = answer.find("HTTP/1.1 200 OK", at)) != std::string::npos; ++at) ++answers;
  EXPECT_EQ(answers, 4U) << answer;
  hang_up(client);
}

TEST_F(ConnectionTest, WaitsForASlowReaderOfAStream) {
  std::size_t written = 0;
  service.fill = [&](Router& router) {
    router.get("/", [&](Request&) {
      return Response::stream(kTextPlain, [&](BodyWriter& body) -> Task<void> {
        const std::string piece(100'000, 'x');
        for (int i = 0; i < 300; ++i) {
          if (!co_await body.write(piece)) co_return;
          written += piece.size();
        }
      });
    });
  };
  ipc::UniqueFd client = open(worker::test::tcp_pair());
  send(client.get(), "GET / HTTP/1.0\r\n\r\n");
  for (int i = 0; i < 20; ++i) turn();
  EXPECT_LT(written, 30'000'000U) << "nobody has read, all was written";
  EXPECT_EQ(body_of(receive(client.get())).size(), 30'000'000U);
  hang_up(client);
}

TEST_F(ConnectionTest, EndsAStreamWhoseClientHasLeft) {
  bool told = false, failed = false;
  service.fill = [&](Router& router) {
    router.get("/", [&](Request&) {
      return Response::stream(kTextPlain, [&](BodyWriter& body) -> Task<void> {
        body.on_close([&] { told = true; });
        co_await body.write("begun");
        while (!told) co_await body.context().sleep_for(1ms);
        while (co_await body.write("more")) co_await body.context().sleep_for(1ms);
        failed = !body.open();
      });
    });
  };
  ipc::UniqueFd client = open(worker::test::tcp_pair());
  send(client.get(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  static_cast<void>(receive(client.get(), 10));
  hang_up(client);
  EXPECT_TRUE(told);
  EXPECT_TRUE(failed);
}

TEST_F(ConnectionTest, EndsAStreamWhenTheServerStops) {
  service.fill = [](Router& router) {
    router.get("/", [](Request&) {
      return Response::stream(kTextPlain, [](BodyWriter& body) -> Task<void> {
        bool over = false;
        body.on_close([&] { over = true; });
        co_await body.write("begun");
        while (!over) co_await body.context().sleep_for(1ms);
      });
    });
  };
  ipc::UniqueFd client = open(worker::test::tcp_pair());
  send(client.get(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(turn_until([&] { return runtime.tasks == 1; }));
  drain(worker::DrainMode::closing);
  const std::string answer = receive(client.get());
  EXPECT_TRUE(answer.ends_with("5\r\nbegun\r\n0\r\n\r\n")) << answer;
  hang_up(client);
}

TEST_F(ConnectionTest, AnswersAFirstRequestThatIsOnItsWayWhenTheServerStops) {
  service.fill = [](Router& router) { router.get("/", [](Request&) { return Response::text("x"); }); };
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  ipc::UniqueFd fresh = open(worker::test::tcp_pair());
  ipc::UniqueFd silent = open(worker::test::tcp_pair());
  ipc::UniqueFd kept = open(worker::test::tcp_pair());
  send(kept.get(), request);
  EXPECT_TRUE(turn_until([&] { return board.slot(0).resting.load() == 1; }));
  drain(worker::DrainMode::closing);
  EXPECT_TRUE(receive(kept.get()).ends_with("x")) << "has had its answer and is closed";
  ipc::UniqueFd late = open(worker::test::tcp_pair());
  send(fresh.get(), request);
  send(late.get(), request);
  for (const auto* client : {&fresh, &late}) {
    const std::string answer = receive(client->get());
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
  }
  EXPECT_EQ(runtime.connection_count, 1U) << "who has not asked may do so yet";
  EXPECT_EQ(receive(silent.get()), "") << "but not for ever";
  EXPECT_TRUE(turn_until([&] { return runtime.idle(); }));
}

TEST_F(ConnectionTest, CutsAStreamThatFails) {
  service.fill = [](Router& router) {
    router.get("/", [](Request&) {
      return Response::stream(kTextPlain, [](BodyWriter& body) -> Task<void> {
        co_await body.write("begun");
        throw std::runtime_error("no more");
      });
    });
  };
  const std::string answer = ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(answer.ends_with("5\r\nbegun\r\n")) << answer;
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_EQ(log.lines[0], "test: GET /: no more");
}

/// A file of `bytes` bytes that nobody else has.
SharedFile file_of(std::size_t bytes) {
  std::string name = testing::TempDir() + "prefork-body-XXXXXX";
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  EXPECT_GE(fd, 0);
  ::unlink(name.c_str());
  std::string content(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) content[i] = static_cast<char>('a' + i % 23);
  EXPECT_EQ(::pwrite(fd, content.data(), content.size(), 0), static_cast<ssize_t>(bytes));
  return std::make_shared<FileHandle>(fd);
}

TEST_F(ConnectionTest, SendsFilesAndMemoryInOneBody) {
  const SharedFile file = file_of(3'000'000);
  const auto shared = std::make_shared<const std::string>(200'000, '-');
  service.fill = [&](Router& router) {
    router.get("/", [&](Request&) {
      std::vector<BodyPart> parts;
      parts.emplace_back(std::string("begin"));
      parts.emplace_back(FilePart{file, 1, 2'500'000});
      parts.emplace_back(shared);
      parts.emplace_back(FilePart{file, 0, 0});
      parts.emplace_back(FilePart{file, 0, 3});
      return Response().body(std::move(parts));
    });
  };
  const std::string answer =
      ask("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string body = body_of(answer);
  constexpr std::size_t kBytes = 5 + 2'500'000 + 200'000 + 3;
  EXPECT_NE(answer.find("Content-Length: 2700008\r\n"), std::string::npos);
  ASSERT_GT(body.size(), kBytes);
  EXPECT_TRUE(body.starts_with("beginbcd"));
  EXPECT_EQ(body.substr(kBytes - 4, 4), "-abc");
  EXPECT_EQ(body_of(body.substr(kBytes)), body.substr(0, kBytes)) << "the second answer differs from the first";
  EXPECT_EQ(body_of(ask("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")), "");
}

TEST_F(ConnectionTest, BreaksOffWhereAFileHasBecomeShorter) {
  const SharedFile file = file_of(100);
  service.fill = [&](Router& router) {
    router.get("/", [&](Request&) { return Response().body(std::vector<BodyPart>{FilePart{file, 0, 200}}); });
  };
  EXPECT_EQ(body_of(ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).size(), 100U);
}

struct SlowReaderTest : ConnectionTest {
  SlowReaderTest() : ConnectionTest(kOptions, {0ms, 30ms}) {}
};

TEST_F(SlowReaderTest, IsCutOffWhenItTakesNothing) {
  const SharedFile file = file_of(20'000'000);
  service.fill = [&](Router& router) {
    router.get("/", [&](Request&) { return Response().body(std::vector<BodyPart>{FilePart{file, 0, 20'000'000}}); });
  };
  ipc::UniqueFd client = open(worker::test::tcp_pair());
  send(client.get(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(turn_until([&] { return quiet(); }));
  EXPECT_LT(receive(client.get()).size(), 20'000'000U);
  hang_up(client);
}

/// Sends back what the connection has brought along, and closes.
struct Parrot final : Upgrade {
  void take_over(worker::ServiceHost&, worker::Transport transport, const worker::PeerAddress&,
                 std::string_view input) override {
    const std::string text = "parrot:" + std::string(input);
    EXPECT_EQ(transport.send(text), static_cast<ssize_t>(text.size()));
  }
};

TEST_F(ConnectionTest, HandsAnUpgradedConnectionOver) {
  service.fill = [](Router& router) {
    router.get("/", [](Request&) {
      Response response(Status::switching_protocols);
      response.set("Upgrade", "parrot");
      ResponseParts::make_special(response).upgrade = std::make_shared<Parrot>();
      return response;
    });
  };
  const std::string answer = ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: parrot\r\n\r\nhello");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << answer;
  EXPECT_NE(answer.find("Connection: Upgrade\r\n"), std::string::npos) << answer;
  EXPECT_EQ(body_of(answer), "parrot:hello");
}

TEST_F(ConnectionTest, CallsMiddlewaresInOrder) {
  service.fill = [](Router& router) {
    router.get("/before", [](Request&) { return Response::text("bare"); });
    router.use([](Request& request, NextHandler& next) -> Task<Response> {
      Response response = co_await next(request);
      response.add("X-Order", "first");
      co_return response;
    });
    router.use([](Request& request, NextHandler& next) -> Task<Response> {
      if (request.header("authorization") != "yes") co_return Response::error(Status::unauthorized);
      Response response = co_await next(request);
      response.add("X-Order", "second");
      co_return response;
    });
    router.get("/function", [](Request&) { return Response::text("function"); });
    router.get("/coroutine", [](Request& request) -> Task<Response> {
      co_await request.context().sleep_for(1ms);
      co_return Response::text("coroutine");
    });
  };
  const auto get = [&](std::string_view path, std::string_view fields) {
    return ask("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + std::string(fields) +
               "\r\n");
  };
  EXPECT_EQ(get("/before", "").find("X-Order"), std::string::npos);
  for (const std::string name : {"function", "coroutine"}) {
    const std::string answer = get("/" + name, "Authorization: yes\r\n");
    EXPECT_NE(answer.find("X-Order: second\r\nX-Order: first\r\n"), std::string::npos) << answer;
    EXPECT_EQ(body_of(answer), name);
  }
  const std::string refused = get("/function", "");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 401")) << refused;
  EXPECT_NE(refused.find("X-Order: first\r\n"), std::string::npos) << refused;
}

TEST_F(ConnectionTest, AnswersWithWhatAHandlerThrows) {
  service.fill = [](Router& router) {
    router.get("/gone", [](Request&) -> Response { throw Error(Status::gone, "It was here."); });
    router.get("/full", [](Request&) -> Response { throw Error(Status::insufficient_storage, "The disk is full."); });
  };
  const std::string gone = ask("GET /gone HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(gone.starts_with("HTTP/1.1 410")) << gone;
  EXPECT_EQ(body_of(gone), "410 Gone\nIt was here.\n");
  EXPECT_TRUE(log.lines.empty());
  EXPECT_TRUE(ask("GET /full HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 507"));
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_EQ(log.lines[0], "test: GET /full: 507 Insufficient Storage: The disk is full.");
}

struct BehindAProxyTest : ConnectionTest {
  BehindAProxyTest() : ConnectionTest(with("trusted-proxies", "0.0.0.0/0 unix")) {}
};

TEST_F(BehindAProxyTest, TellsWhoTheClientIs) {
  service.fill = [](Router& router) {
    router.get("/", [](Request& request) {
      return Response::text(request.client_address() + (request.secure() ? " secure" : " plain"));
    });
  };
  EXPECT_EQ(
      body_of(ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nForwarded: for=2001:db8::1;proto=https\r\n\r\n")),
      "2001:db8::1 secure");
}

TEST_F(ConnectionTest, AnswersErrorsAsTheClientPrefers) {  // RFC 9110 12.5.1
  service.fill = [](Router& router) {
    router.get("/own", [](Request&) { return Response::error(Status::forbidden).body(std::string("own words")); });
  };
  const auto get = [&](std::string_view path, std::string_view accept) {
    return ask("GET " + std::string(path) +
               " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept: " + std::string(accept) + "\r\n\r\n");
  };
  EXPECT_EQ(body_of(get("/none", "*/*")), "404 Not Found\n");
  EXPECT_TRUE(body_of(get("/none", "text/html,*/*;q=0.1")).starts_with("<!DOCTYPE html>"));
  const std::string json = get("/none", "application/json");
  EXPECT_NE(json.find("Content-Type: application/json\r\n"), std::string::npos) << json;
  EXPECT_NE(json.find("\"status\":404"), std::string::npos) << json;
  EXPECT_EQ(body_of(get("/own", "text/html")), "own words");
}

}  // namespace
}  // namespace prefork::http
