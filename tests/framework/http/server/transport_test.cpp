// Goal: an HTTP connection behaves the same over a transport that is not a plain socket.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include <prefork/http.hpp>
#include <prefork/http/web_socket.hpp>

#include "tests/framework/http/routed.hpp"
#include "tests/framework/http/web_socket/client_frames.hpp"
#include "tests/framework/worker/harness.hpp"
#include "tests/framework/worker/record_layer.hpp"

namespace prefork::http {
namespace {

namespace records = worker::test::records;
using namespace std::chrono_literals;

class LayeredHttp : public testing::Test, public worker::test::ServedBy<test::Routed> {
 protected:
  LayeredHttp() : ServedBy<test::Routed>(worker::ServiceLimits{0ms, 5000ms, 0ms}, test::kOptions) {}

  ipc::UniqueFd open(worker::test::Connected ends = worker::test::tcp_pair()) {
    return ServedBy::open(std::move(ends), std::make_unique<worker::test::RecordLayer>());
  }
  /// Sends `bytes` in records, and returns everything until the server closes.
  std::string ask(int client, std::string_view bytes, std::size_t in_one_record = records::kMostBytes) {
    send(client, records::records(bytes, in_one_record));
    const auto got = records::received(receive(client));
    EXPECT_TRUE(got.ended);
    EXPECT_EQ(broken, 0);
    return got.bytes;
  }
};

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; at += what.size()) ++found;
  return found;
}

const std::string kAsk = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kLast = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

TEST_F(LayeredHttp, RequestsInPiecesAndMany) {
  service.fill = [](Router& router) { router.get("/", [](Request&) { return Response::text("hello"); }); };
  std::string pipelined;
  while (pipelined.size() < 100'000) pipelined += kAsk;
  const std::size_t asked = pipelined.size() / kAsk.size();
  for (const std::size_t in_one_record : {std::size_t{7}, std::size_t{1000}, records::kMostBytes}) {
    ipc::UniqueFd client = open();
    EXPECT_EQ(count(ask(client.get(), pipelined + kLast, in_one_record), "hello"), asked + 1) << in_one_record;
    hang_up(client);
  }
}

TEST_F(LayeredHttp, KeepAliveAndAHandlerThatWaits) {
  service.fill = [](Router& router) {
    router.get("/", [](Request& request) -> Task<Response> {
      co_await request.context().sleep_for(1ms);
      co_return Response::text("hello");
    });
  };
  ipc::UniqueFd client = open();
  for (int i = 0; i < 3; ++i) {
    send(client.get(), records::records(kAsk));
    std::string raw;
    EXPECT_TRUE(turn_until([&] {
      char chunk[1000];
      const ssize_t n = ::recv(client.get(), chunk, sizeof chunk, 0);
      if (n > 0) raw.append(chunk, static_cast<std::size_t>(n));
      std::string copy = raw;
      std::string plain;
      while (auto one = records::take(copy)) plain += *one;
      return plain.ends_with("hello");
    }));
  }
  hang_up(client);
}

TEST_F(LayeredHttp, ABodyThatIsReadPieceByPiece) {
  service.fill = [](Router& router) {
    router.post(
        "/",
        [](Request& request) -> Task<Response> {
          std::size_t bytes = 0;
          while (auto piece = co_await request.read()) bytes += piece->size();
          co_return Response::text("got " + std::to_string(bytes));
        },
        RouteOptions{BodyMode::streamed, std::nullopt});
  };
  ipc::UniqueFd client = open();
  const std::string body(500'000, 'b');
  const std::string answer =
      ask(client.get(), "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 500000\r\n\r\n" + body);
  EXPECT_TRUE(answer.ends_with("got 500000")) << answer;
  hang_up(client);
}

TEST_F(LayeredHttp, ALargeFileToASlowClient) {
  char name[] = "/tmp/http-transport-XXXXXX";
  const auto file = std::make_shared<const FileHandle>(ipc::check_syscall(::mkstemp(name), "mkstemp"));
  ::unlink(name);
  ASSERT_EQ(::ftruncate(file->fd(), 2'000'000), 0);
  ASSERT_EQ(::pwrite(file->fd(), "the end", 7, 2'000'000 - 7), 7);
  service.fill = [&](Router& router) {
    router.get("/", [&](Request&) {
      return Response().body(std::vector<BodyPart>{std::string("begin:"), FilePart{file, 0, 2'000'000}});
    });
  };
  ipc::UniqueFd client = open(worker::test::tcp_pair(4096));
  const std::string answer = ask(client.get(), kLast);
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, 2'000'006U);
  EXPECT_TRUE(answer.ends_with("the end"));
  hang_up(client);
}

TEST_F(LayeredHttp, AWebSocketTakesTheTransportOver) {
  service.fill = [](Router& router) {
    router.get("/", [](Request& request) {
      return web_socket(request, [](WebSocket& socket) -> Task<void> {
        while (auto message = co_await socket.receive()) co_await socket.send_text(std::string(message->data) + "!");
      });
    });
  };
  ipc::UniqueFd client = open();
  const std::string handshake =
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  // One record: what follows the handshake has already been read off the socket when the WebSocket begins.
  const std::string answer = ask(
      client.get(), handshake + test::text("with it") + test::text(std::string(20'000, 'w')) + test::close_frame(1000));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 ")) << answer.substr(0, 200);
  EXPECT_NE(answer.find("with it!"), std::string::npos);
  EXPECT_NE(answer.find(std::string(20'000, 'w') + "!"), std::string::npos);
  hang_up(client);
}

}  // namespace
}  // namespace prefork::http
