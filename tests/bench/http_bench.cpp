// Parser, router, response writer, and all of them as one exchange.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "framework/http/routing/route_table.hpp"
#include "framework/http/server/http1_codec.hpp"
#include "framework/http/wire/parser.hpp"
#include "framework/http/wire/response_writer.hpp"

namespace prefork::http {
namespace {

const std::string kWrk = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const std::string kAb =
    "GET /hello HTTP/1.0\r\nConnection: Keep-Alive\r\nHost: 127.0.0.1:8080\r\nUser-Agent: ApacheBench/2.3\r\n"
    "Accept: */*\r\n\r\n";
const std::string kBrowser =
    "GET /articles/2024/prefork?lang=en&page=2 HTTP/1.1\r\n"
    "Host: www.example.org:8080\r\n"
    "Connection: keep-alive\r\n"
    "Cache-Control: max-age=0\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Referer: http://www.example.org:8080/articles/2024/\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
    "Cookie: session=1f8a9c3e5b7d2460; theme=dark; consent=yes\r\n\r\n";

void parse(benchmark::State& bench, const std::string& bytes) {
  std::vector<Header> fields(100);
  RequestHead head;
  head.fields = fields.data();
  const Limits limits;
  for (auto _ : bench) {
    ParseState state;
    benchmark::DoNotOptimize(bytes.data());
    const Parsed parsed = parse_head(bytes, limits, state, head);
    if (parsed.result != ParseResult::complete) bench.SkipWithError("not parsed");
    benchmark::DoNotOptimize(head);
    benchmark::ClobberMemory();
  }
  bench.SetBytesProcessed(bench.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK_CAPTURE(parse, wrk, kWrk);
BENCHMARK_CAPTURE(parse, ab, kAb);
BENCHMARK_CAPTURE(parse, browser, kBrowser);

void write_hello(benchmark::State& bench) {
  std::string out;
  DateCache date;
  for (auto _ : bench) {
    out.clear();
    const Response response = Response::text(StaticText("Hello, World!"));
    append_response(out, response, ResponseMode{}, date.line(1'700'000'000));
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(write_hello);

void write_with_headers(benchmark::State& bench) {
  std::string out;
  DateCache date;
  for (auto _ : bench) {
    out.clear();
    Response response = Response::json("{\"id\":17,\"name\":\"a name of some length\"}");
    response.set("Cache-Control", "no-store").set("ETag", "\"17-42\"");
    append_response(out, response, ResponseMode{}, date.line(1'700'000'000));
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(write_with_headers);

Response hello(Request&) { return Response::text(StaticText("Hello, World!")); }

Router make_router() {
  Router router;
  router.get("/", hello).get("/{name}", hello).get("/users/{id}/posts/{post}", hello).get("/files/{path...}", hello);
  for (int i = 0; i < 50; ++i) router.get("/api/v1/resource" + std::to_string(i), hello);
  return router;
}

void lookup(benchmark::State& bench, const std::string& path) {
  const Router router = make_router();
  for (auto _ : bench) {
    RouteMatch match;
    benchmark::DoNotOptimize(path.data());
    RouteTable::of(router).find(Method::get, path, match);
    if (match.route == nullptr) bench.SkipWithError("not found");
    benchmark::DoNotOptimize(match);
  }
}
BENCHMARK_CAPTURE(lookup, root, std::string("/"));
BENCHMARK_CAPTURE(lookup, static_of_50, std::string("/api/v1/resource37"));
BENCHMARK_CAPTURE(lookup, two_params, std::string("/users/1234/posts/99"));
BENCHMARK_CAPTURE(lookup, rest, std::string("/files/a/b/c.txt"));

void cycle(benchmark::State& bench, std::string input) {
  Endpoint endpoint;
  endpoint.mount("/", make_router(), HttpOptions{}, nullptr);
  Exchanges exchanges(endpoint);
  Http1Codec codec(endpoint, exchanges);
  Http1State state;
  std::string out;
  const auto before = exchanges.served();
  for (auto _ : bench) {
    out.clear();
    const Progress progress = codec.run(state, input, out, 1'700'000'000, ClientSource{});
    if (progress.consumed != input.size()) bench.SkipWithError("not consumed");
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  bench.SetItemsProcessed(static_cast<std::int64_t>(exchanges.served() - before));
}

std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}
BENCHMARK_CAPTURE(cycle, wrk, kWrk);
BENCHMARK_CAPTURE(cycle, wrk_16_pipelined, repeat(kWrk, 16));

}  // namespace
}  // namespace prefork::http
