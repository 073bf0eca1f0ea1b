#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "framework/http/wire/parser.hpp"

namespace prefork::http {

/// A chunked body that is being decoded in place. Positions count from the start of the message.
struct ChunkedState {
  enum class Phase : std::uint8_t { size, data, data_end, trailers, done };

  std::size_t decoded_end = 0;  ///< the decoded body ends here
  std::size_t raw = 0;          ///< what is not decoded yet begins here
  std::uint64_t chunk_left = 0;
  std::unique_ptr<std::string> trailers;  ///< the lines of the trailer section, each with its CR LF; null: none
  std::uint32_t overhead = 0;             ///< bytes of chunk extensions and trailers so far
  Phase phase = Phase::size;
};

/// Decodes what has arrived of a chunked body (RFC 9112 7.1). `message` is all of the message so far; its
/// decoded bytes are moved together, behind the header section. Strict: CR LF only, sizes of hexadecimal
/// digits only, extensions and trailers limited; trailer fields are checked and kept, those that say
/// something about framing or routing are refused (RFC 9110 6.5.1).
/// `body_bytes` limits the decoded body. Blocks: never. Allocates: for trailers only.
Parsed decode_chunked(std::span<char> message, std::size_t body_start, std::uint64_t body_bytes, ChunkedState& state);

/// Whether a field of that name, in lower case or not, may stand in a trailer section (RFC 9110 6.5.1).
bool may_trail(std::string_view name) noexcept;

}  // namespace prefork::http
