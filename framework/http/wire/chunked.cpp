#include "framework/http/wire/chunked.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>

#include "framework/http/wire/char_class.hpp"
#include "framework/http/wire/parser_parts.hpp"
#include "framework/http/wire/scan.hpp"

namespace prefork::http {
namespace {

using namespace refusals;
using Phase = ChunkedState::Phase;

constexpr Parsed kComplete{ParseResult::complete, nullptr};
constexpr Parsed kIncomplete{ParseResult::incomplete, nullptr};

constexpr std::size_t kMaxSizeLine = 1024;
constexpr std::size_t kMaxTrailerLine = 8192;
constexpr std::size_t kMaxOverhead = 16384;
constexpr std::uint64_t kMaxSize = std::numeric_limits<std::uint64_t>::max();

constexpr Parsed refuse(const Refusal& refusal) noexcept { return {ParseResult::refused, &refusal}; }

/// The line at state.raw without CR LF, if it has arrived completely.
Parsed next_line(std::span<char> message, const ChunkedState& state, std::size_t max_bytes, const Refusal& too_long,
                 std::string_view& line) noexcept {
  const char* const begin = message.data() + state.raw;
  const char* const end = message.data() + message.size();
  const char* const stop = find_control(message.data(), begin, end);
  if (static_cast<std::size_t>(stop - begin) > max_bytes) return refuse(too_long);
  if (stop == end || (*stop == '\r' && stop + 1 == end)) return kIncomplete;
  if (*stop != '\r') return refuse(*stop == '\n' ? kBareLf : kControl);
  if (stop[1] != '\n') return refuse(kBareCr);
  line = std::string_view(begin, static_cast<std::size_t>(stop - begin));
  return kComplete;
}

/// chunk-size [ chunk-ext ], RFC 9112 7.1, 7.1.1.
const Refusal* parse_size_line(std::string_view line, ChunkedState& state) noexcept {
  std::size_t digits = 0;
  std::uint64_t size = 0;
  while (digits < line.size() && is(line[digits], kHexDigit)) {
    if (size > kMaxSize / 16) return &kChunkSize;
    size = size * 16 + hex_value(line[digits++]);
  }
  if (digits == 0) return &kChunkSize;
  state.chunk_left = size;
  if (digits == line.size()) return nullptr;
  std::string_view extension = trim(line.substr(digits));
  if (!extension.starts_with(';')) return &kChunkSize;
  extension = trim(extension.substr(1));
  if (extension.empty() || !is(extension.front(), kTokenChar)) return &kChunkExtension;
  state.overhead += static_cast<std::uint32_t>(line.size() - digits);
  return state.overhead > kMaxOverhead ? &kChunkExtension : nullptr;
}

Parsed take_size(std::span<char> message, std::size_t body_start, std::uint64_t body_bytes,
                 ChunkedState& state) noexcept {
  std::string_view line;
  if (const Parsed found = next_line(message, state, kMaxSizeLine, kChunkExtension, line);
      found.result != ParseResult::complete)
    return found;
  if (const Refusal* wrong = parse_size_line(line, state)) return refuse(*wrong);
  if (state.chunk_left > body_bytes - (state.decoded_end - body_start)) return refuse(kLongBody);
  state.raw += line.size() + 2;
  state.phase = state.chunk_left == 0 ? Phase::trailers : Phase::data;
  return kComplete;
}

Parsed take_data(std::span<char> message, ChunkedState& state) noexcept {
  const std::size_t here = std::min<std::uint64_t>(message.size() - state.raw, state.chunk_left);
  if (here == 0) return kIncomplete;
  std::memmove(message.data() + state.decoded_end, message.data() + state.raw, here);
  state.decoded_end += here;
  state.raw += here;
  state.chunk_left -= here;
  if (state.chunk_left == 0) state.phase = Phase::data_end;
  return kComplete;
}

Parsed take_data_end(std::span<char> message, ChunkedState& state) noexcept {
  const std::size_t left = message.size() - state.raw;
  if (left > 0 && message[state.raw] != '\r') return refuse(kChunkEnd);
  if (left > 1 && message[state.raw + 1] != '\n') return refuse(kChunkEnd);
  if (left < 2) return kIncomplete;
  state.raw += 2;
  state.phase = Phase::size;
  return kComplete;
}

Parsed take_trailer(std::span<char> message, ChunkedState& state) {
  std::string_view line;
  if (const Parsed found = next_line(message, state, kMaxTrailerLine, kTrailer, line);
      found.result != ParseResult::complete)
    return found;
  state.raw += line.size() + 2;
  if (line.empty()) {
    state.phase = Phase::done;
    return kComplete;
  }
  state.overhead += static_cast<std::uint32_t>(line.size() + 2);
  Header field;
  NotedFields ignored;
  if (state.overhead > kMaxOverhead || parse_field_line(line, field, ignored) != nullptr || !may_trail(field.name))
    return refuse(kTrailer);
  if (!state.trailers) state.trailers = std::make_unique<std::string>();
  state.trailers->append(line).append("\r\n");
  return kComplete;
}

}  // namespace

bool may_trail(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 9> kForbidden = {"authorization",  "connection",    "content-encoding",
                                                          "content-length", "content-range", "content-type",
                                                          "host",           "trailer",       "transfer-encoding"};
  return std::none_of(kForbidden.begin(), kForbidden.end(),
                      [&](std::string_view forbidden) { return equals_ignoring_case(name, forbidden); });
}

Parsed decode_chunked(std::span<char> message, std::size_t body_start, std::uint64_t body_bytes, ChunkedState& state) {
  while (state.phase != Phase::done) {
    Parsed step = kComplete;
    switch (state.phase) {
      case Phase::size:
        step = take_size(message, body_start, body_bytes, state);
        break;
      case Phase::data:
        step = take_data(message, state);
        break;
      case Phase::data_end:
        step = take_data_end(message, state);
        break;
      case Phase::trailers:
        step = take_trailer(message, state);
        break;
      case Phase::done:
        break;
    }
    if (step.result != ParseResult::complete) return step;
  }
  return kComplete;
}

void append_chunk(std::string& out, std::string_view bytes) {
  std::array<char, 16> size;
  const auto end = std::to_chars(size.data(), size.data() + size.size(), bytes.size(), 16).ptr;
  out.append(size.data(), end).append("\r\n").append(bytes).append("\r\n");
}

void append_last_chunk(std::string& out, FieldList trailers) {
  out.append("0\r\n");
  for (const Header field : trailers) out.append(field.name).append(": ").append(field.value).append("\r\n");
  out.append("\r\n");
}

}  // namespace prefork::http
