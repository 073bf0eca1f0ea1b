#pragma once

#include <cstdint>
#include <string_view>

#include "framework/http/wire/refusal.hpp"
#include "framework/http/wire/request_head.hpp"

/// The HTTP/1.1 request parser: strict, incremental, pure. RFC 9112, RFC 9110.
namespace prefork::http {

struct Limits {
  std::uint32_t request_line_bytes = 8 * 1024;            ///< without CR LF; beyond it 414
  std::uint32_t header_bytes = 32 * 1024;                 ///< all field lines; beyond it 431
  std::uint16_t fields = 100;                             ///< beyond it 431; the room in RequestHead::fields
  std::uint64_t body_bytes = std::uint64_t{1024} * 1024;  ///< beyond it 413
};

/// What a connection remembers of a header section that has not arrived in full: how far the lines
/// were checked. 16 bytes, so that an idle connection costs nothing.
struct ParseState {
  std::uint32_t line_start = 0;    ///< all lines before it are complete and valid
  std::uint32_t scanned = 0;       ///< no control character before it in the last line
  std::uint32_t fields_start = 0;  ///< the end of the request line
  std::uint16_t fields = 0;
  bool in_fields = false;
};

enum class ParseResult : std::uint8_t { complete, incomplete, refused };

struct Parsed {
  ParseResult result;
  const Refusal* refusal;  ///< where refused
};

/// Parses the header section at the start of `bytes`: all that has arrived since the last message, the
/// same bytes and more at each call. With a fresh `state` it parses in one pass; after `incomplete` it
/// looks at new bytes only, and parses all once more when the section is complete, so that what is
/// found does not depend on how the bytes were cut. `head` is valid after `complete` only.
///
/// What is refused is refused at the first byte that shows it to be wrong, or at the end of its line or
/// of the section, whatever the rest holds. Blocks: never. Allocates: never.
Parsed parse_head(std::string_view bytes, const Limits& limits, ParseState& state, RequestHead& head) noexcept;

}  // namespace prefork::http
