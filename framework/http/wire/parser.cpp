#include "framework/http/wire/parser.hpp"

#include "framework/http/wire/parser_parts.hpp"
#include "framework/http/wire/scan.hpp"

namespace prefork::http {
namespace {

using namespace refusals;

constexpr Parsed kComplete{ParseResult::complete, nullptr};
constexpr Parsed kIncomplete{ParseResult::incomplete, nullptr};

constexpr Parsed refuse(const Refusal& refusal) noexcept { return {ParseResult::refused, &refusal}; }

/// Called before the byte at `position` is judged, so that a line that is both too long and wrong is refused in the
/// same way however its bytes arrive.
const Refusal* over_limit(const ParseState& state, const Limits& limits, std::size_t position) noexcept {
  if (!state.in_fields) return position - state.line_start > limits.request_line_bytes ? &kLongLine : nullptr;
  return position - state.fields_start > limits.header_bytes ? &kLongHeader : nullptr;
}

/// Takes a complete line. @return kIncomplete: continue with the next one
Parsed take_line(std::string_view line, const Limits& limits, ParseState& state, RequestHead& head) noexcept {
  if (!state.in_fields) {
    // RFC 9112 2.2: an empty line before the request line SHOULD be ignored. One is.
    if (line.empty()) return state.line_start == 2 ? kIncomplete : refuse(kEmptyLines);
    if (const Refusal* wrong = parse_request_line(line, head)) return refuse(*wrong);
    state.in_fields = true;
    state.fields_start = state.line_start;
    return kIncomplete;
  }
  if (line.empty()) return kComplete;
  if (state.fields == limits.fields) return refuse(kManyFields);
  if (const Refusal* wrong = parse_field_line(line, head.fields[state.fields], head.noted)) return refuse(*wrong);
  ++state.fields;
  return kIncomplete;
}

Parsed take_lines(std::string_view bytes, const Limits& limits, ParseState& state, RequestHead& head) noexcept {
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  for (;;) {
    const char* const stop = find_control(begin, begin + state.scanned, end);
    const auto position = static_cast<std::size_t>(stop - begin);
    if (const Refusal* wrong = over_limit(state, limits, position)) return refuse(*wrong);
    if (stop == end || (*stop == '\r' && stop + 1 == end)) {
      state.scanned = static_cast<std::uint32_t>(position);
      return kIncomplete;
    }
    if (*stop != '\r') return refuse(*stop == '\n' ? kBareLf : kControl);
    if (stop[1] != '\n') return refuse(kBareCr);
    const std::string_view line(begin + state.line_start, position - state.line_start);
    state.line_start = state.scanned = static_cast<std::uint32_t>(position + 2);
    if (const Parsed parsed = take_line(line, limits, state, head); parsed.result != ParseResult::incomplete)
      return parsed;
  }
}

}  // namespace

Parsed parse_head(std::string_view bytes, const Limits& limits, ParseState& state, RequestHead& head) noexcept {
  const bool resumed = state.scanned != 0;
  head.noted = NotedFields{};
  Parsed parsed = take_lines(bytes, limits, state, head);
  if (parsed.result != ParseResult::complete) return parsed;
  if (resumed) {
    // The worker's connections share `head`: what earlier calls put there is gone.
    state = ParseState{};
    head.noted = NotedFields{};
    parsed = take_lines(bytes, limits, state, head);
  }
  head.field_count = state.fields;
  head.bytes = state.line_start;
  if (const Refusal* wrong = judge_fields(limits, head)) return refuse(*wrong);
  return parsed;
}

}  // namespace prefork::http
