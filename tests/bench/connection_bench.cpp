// Requests over a socket pair through a worker's event loop. Each benchmark has two fixed numbers of iterations, so
// that callgrind's counts can be compared: one request costs (count of the longer run - count of the shorter) / 8000.
//   valgrind --tool=callgrind prefork-microbench --benchmark_filter=connection/hello/iterations:2000
#include <sys/socket.h>
#include <unistd.h>

#include <benchmark/benchmark.h>

#include <array>
#include <cstdlib>
#include <string>

#include <prefork/http.hpp>

#include "tests/framework/http/routed.hpp"
#include "tests/framework/worker/harness.hpp"

namespace prefork::http {
namespace {

SharedFile file_of(std::size_t bytes) {
  std::string path = "/tmp/prefork-bench-XXXXXX";
  const int fd = ::mkstemp(path.data());
  ::unlink(path.c_str());
  const std::string text(bytes, 'x');
  if (::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) return nullptr;
  return std::make_shared<FileHandle>(fd);
}

void fill(Router& router) {
  router.get("/", [](Request&) { return Response::text(StaticText("Hello, World!")); });
  router.get("/fields", [](Request&) {
    Response response = Response::json(StaticText("{}"));
    response.set("Cache-Control", "no-store").set("ETag", "\"17-42\"").set("Vary", "Accept").add("X-Frame", "deny");
    return response;
  });
  router.get("/coroutine", [](Request&) -> Task<Response> { co_return Response::text(StaticText("Hello, World!")); });
  router.post("/echo", [](Request& request) { return Response::text(std::string(request.body())); });
  router.post("/streamed",
              [](Request& request) -> Task<Response> {
                while (co_await request.read()) {
                }
                co_return Response::text(StaticText("Hello, World!"));
              },
              {BodyMode::streamed, std::nullopt});
  router.get("/stream", [](Request&) {
    return Response::stream(kTextPlain, [](BodyWriter& body) -> Task<void> {
      co_await body.write("Hello, ");
      co_await body.write("World!");
    });
  });
  router.get("/file", [file = file_of(1000)](Request&) {
    return Response().body(std::vector<BodyPart>{FilePart{file, 0, 1000}});
  });
}

/// @param end  what the last answer ends with
void connection(benchmark::State& bench, const std::string& request, std::string_view end) {
  worker::test::ServedBy<test::Routed> served({std::chrono::milliseconds(0), std::chrono::milliseconds(5000)},
                                              test::kOptions);
  served.service.fill = fill;
  ipc::UniqueFd client = served.open();
  std::array<char, 65536> answer{};
  for (auto _ : bench) {
    if (::send(client.get(), request.data(), request.size(), 0) < 0) bench.SkipWithError("not sent");
    std::size_t got = 0;
    while (got == 0 || !std::string_view(answer.data(), got).ends_with(end)) {
      served.runtime.loop.turn();
      const ssize_t n = ::recv(client.get(), answer.data() + got, answer.size() - got, 0);
      if (n > 0) got += static_cast<std::size_t>(n);
    }
  }
  served.hang_up(client);
}

std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
}
std::string post(const std::string& path) {
  return "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Length: 13\r\n\r\nHello, World!";
}
std::string pipelined() {
  std::string all;
  for (int i = 0; i < 15; ++i) all += get("/");
  return all + get("/fields");
}

#define PREFORK_CONNECTION(name, request, end)                         \
  BENCHMARK_CAPTURE(connection, name, request, end)->Iterations(2000); \
  BENCHMARK_CAPTURE(connection, name, request, end)->Iterations(10'000)
PREFORK_CONNECTION(hello, get("/"), "World!");
PREFORK_CONNECTION(fields, get("/fields"), "{}");
PREFORK_CONNECTION(pipelined_16, pipelined(), "{}");
PREFORK_CONNECTION(coroutine, get("/coroutine"), "World!");
PREFORK_CONNECTION(echo, post("/echo"), "World!");
PREFORK_CONNECTION(streamed, post("/streamed"), "World!");
PREFORK_CONNECTION(stream, get("/stream"), "0\r\n\r\n");
PREFORK_CONNECTION(file, get("/file"), "xxxx");
#undef PREFORK_CONNECTION

}  // namespace
}  // namespace prefork::http
