#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "framework/http/wire/field_list.hpp"
#include "framework/http/wire/parser.hpp"

namespace prefork::http {

/// The state of a chunked body that is being decoded in place. Positions count from the start of the message.
struct ChunkedState {
  enum class Phase : std::uint8_t { size, data, data_end, trailers, done };

  std::size_t decoded_end = 0;  ///< end of the decoded body
  std::size_t raw = 0;          ///< beginning of what is not decoded yet
  std::uint64_t chunk_left = 0;
  std::unique_ptr<std::string> trailers;  ///< the lines of the trailer section, each with its CR LF; null: none
  std::uint32_t overhead = 0;             ///< bytes of chunk extensions and trailers so far
  Phase phase = Phase::size;
};

/// Decodes what has arrived of a chunked body (RFC 9112 7.1). `message` is all of the message so far; its decoded bytes
/// are moved together after the header section. Strict: only CR LF, only hexadecimal sizes, limited extensions and
/// trailers. Trailer fields are checked and kept; those about framing or routing are refused (RFC 9110 6.5.1).
/// `body_bytes` limits the decoded body. Blocks: never. Allocates: only for trailers.
Parsed decode_chunked(std::span<char> message, std::size_t body_start, std::uint64_t body_bytes, ChunkedState& state);

/// Appends one chunk. REQUIRES that `bytes` is not empty.
void append_chunk(std::string& out, std::string_view bytes);
/// Appends the last chunk and the trailer section.
void append_last_chunk(std::string& out, FieldList trailers);

/// Whether a field of that name, in any case, may be in a trailer section (RFC 9110 6.5.1).
bool may_trail(std::string_view name) noexcept;

}  // namespace prefork::http
