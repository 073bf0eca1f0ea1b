#pragma once

#include <cstdint>
#include <string_view>

#include "framework/http/wire/refusal.hpp"
#include "framework/http/wire/request_head.hpp"

/// The HTTP/1.1 request parser: strict, incremental, pure. RFC 9112, RFC 9110.
namespace prefork::http {

struct Limits {
  std::uint32_t request_line_bytes = 8 * 1024;            ///< without CR LF; a longer one gets 414
  std::uint32_t header_bytes = 32 * 1024;                 ///< all field lines; more get 431
  std::uint16_t fields = 100;                             ///< more get 431; the size of RequestHead::fields
  std::uint64_t body_bytes = std::uint64_t{1024} * 1024;  ///< a longer one gets 413
};

/// What a connection remembers about a header section that has not arrived completely: how far its lines are checked.
/// 16 bytes, so that an idle connection costs little.
struct ParseState {
  std::uint32_t line_start = 0;    ///< all lines before this position are complete and valid
  std::uint32_t scanned = 0;       ///< the last line has no control character before this position
  std::uint32_t fields_start = 0;  ///< the end of the request line
  std::uint16_t fields = 0;
  bool in_fields = false;
};

enum class ParseResult : std::uint8_t { complete, incomplete, refused };

struct Parsed {
  ParseResult result;
  const Refusal* refusal;  ///< if refused
};

/// Parses the header section at the start of `bytes`: everything that has arrived since the last message. Each call
/// gets the same bytes and more. With a fresh `state` it parses in one pass. After `incomplete` it looks only at new
/// bytes, and parses everything once more when the section is complete, so that the result does not depend on how the
/// bytes were cut. `head` is valid only after `complete`.
///
/// A fault is refused at the first byte that shows it, or at the end of its line or of the section, whatever the rest
/// holds. Blocks: never. Allocates: never.
Parsed parse_head(std::string_view bytes, const Limits& limits, ParseState& state, RequestHead& head) noexcept;

}  // namespace prefork::http
