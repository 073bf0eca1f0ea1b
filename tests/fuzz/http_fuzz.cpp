// Goal: no bytes make the HTTP parser or the HTTP/1 codec read out of bounds, and their answers do not depend on how
// the bytes were cut. The first two input bytes say what to run and how to cut.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "framework/http/server/http1_codec.hpp"
#include "framework/http/wire/parser.hpp"

namespace {

using namespace prefork::http;

void require(bool holds) {
  if (!holds) std::abort();
}

constexpr Limits kLimits{200, 600, 10, 300};

struct Result {
  Parsed parsed{ParseResult::incomplete, nullptr};
  RequestHead head;
  std::vector<Header> fields = std::vector<Header>(kLimits.fields);
};

/// Each call gets the bytes so far in an allocation of exactly their size, so that ASan sees every step
/// beyond it.
void parse_in_steps(const std::string& bytes, std::size_t step, Result& result, std::string& last) {
  ParseState state;
  result.head.fields = result.fields.data();
  for (std::size_t end = 0; end < bytes.size() && result.parsed.result == ParseResult::incomplete;) {
    end = std::min(end + step, bytes.size());
    const std::vector<char> exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(end));
    result.parsed = parse_head({exact.data(), exact.size()}, kLimits, state, result.head);
    last.assign(exact.data(), exact.size());
    // Views into `exact` die with it: keep lengths only.
    if (result.parsed.result == ParseResult::complete) {
      last.resize(result.head.bytes);
      for (std::size_t i = 0; i < result.head.field_count; ++i) {
        const Header& field = result.fields[i];
        require(field.name.data() >= exact.data() && field.value.data() + field.value.size() <= exact.data() + end);
        last.append(field.name).append("\n").append(field.value).append("\n");
      }
      last.append(result.head.path).append("\n").append(result.head.query).append("\n").append(result.head.host);
    }
  }
}

void check_parser(const std::string& bytes, std::size_t step) {
  Result whole, pieces;
  std::string whole_text, pieces_text;
  parse_in_steps(bytes, bytes.size(), whole, whole_text);
  parse_in_steps(bytes, step, pieces, pieces_text);
  require(whole.parsed.result == pieces.parsed.result && whole.parsed.refusal == pieces.parsed.refusal);
  if (whole.parsed.result != ParseResult::complete) return;
  require(whole_text == pieces_text);
  require(whole.head.framing == pieces.head.framing && whole.head.content_length == pieces.head.content_length);
  require(whole.head.keep_alive == pieces.head.keep_alive && whole.head.method == pieces.head.method);
}

Endpoint& endpoint() {
  static Endpoint instance;
  static bool filled = false;
  if (filled) return instance;
  Router router;
  const auto echo = [](Request& request) {
    Response response = Response::text(std::string(request.body()));
    if (const auto name = request.query_param("q")) response.set("X-Length", std::to_string(name->size()));
    return response;
  };
  router.get("/", echo).post("/", echo).get("/{a}", echo).post("/{a}/b", echo).get("/{a}/{rest...}", echo);
  HttpOptions limits;
  limits.limits = kLimits;
  instance.mount("/", std::move(router), limits, nullptr);
  filled = true;
  return instance;
}

std::string serve_in_steps(const std::string& bytes, std::size_t step) {
  Exchanges exchanges(endpoint());
  Http1Codec codec(endpoint(), exchanges);
  Http1State state;
  std::string input, output;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    input.append(bytes, at, step);
    std::vector<char> exact(input.begin(), input.end());
    const Progress progress = codec.run(state, exact, output, 0, ClientSource{});
    require(progress.consumed + progress.dropped <= exact.size());
    input.assign(exact.data() + progress.consumed, exact.size() - progress.dropped - progress.consumed);
    if (progress.next != Next::read) break;
  }
  return output;
}

/// 100 Continue may be left out if the body came along (RFC 9110 10.1.1).
std::string without_interim(std::string text) {
  const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
  for (std::size_t at = text.find(interim); at != std::string::npos; at = text.find(interim, at))
    text.erase(at, interim.size());
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t step = data[1] % 40 + 1U;
  if (data[0] % 2 == 0) {
    check_parser(bytes, step);
    return 0;
  }
  const std::string whole = without_interim(serve_in_steps(bytes, bytes.size()));
  const std::string pieces = without_interim(serve_in_steps(bytes, step));
  // An expectation is one thing whose answer may depend on whether the body came along.
  require(whole == pieces || bytes.find("100-") != std::string::npos);
  return 0;
}
