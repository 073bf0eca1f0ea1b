#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chat {

/// What the topic carries. Pure.
///
///   byte  0      kind
///   byte  1      length of the name
///   bytes 2-9    the join that it is of: 64 bits
///   bytes 10-17  the join that it is for, of `whisper`; else 0
///   bytes 18-25  when it was published: 64 bits
///   bytes 26-    name, then text
struct RoomMessage {
  enum class Kind : std::uint8_t { joined, left, said, whisper };

  Kind kind = Kind::said;
  std::int64_t join = 0;  ///< of the member that joined, left or speaks
  std::int64_t to = 0;
  std::string_view name;  ///< the member's name
  std::string_view text;
  std::int64_t at_us = 0;  ///< of the wall clock; no two messages of one join have the same
};

/// The bytes of a message besides its text.
constexpr std::size_t kRoomMessageOverhead = 26 + 32;

/// REQUIRES: a name of at most 32 bytes.
std::string encode(const RoomMessage& message);
/// @return nullopt: the bytes, which another process wrote, are no message. The views point into `bytes`.
std::optional<RoomMessage> decode(std::string_view bytes) noexcept;

}  // namespace chat
