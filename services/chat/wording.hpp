#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "services/chat/room_message.hpp"

namespace chat {

/// Formats what a kind of client is told: each text as one or more lines with their line ends, or as nothing. Pure. All
/// texts passed in are UTF-8 without control characters.
class Wording {
 public:
  /// The kinds of sentences that the server itself says.
  enum class Note : std::uint8_t {
    answer,
    question,  ///< asks for the client's name
    loss,      ///< the client has missed something
    farewell,  ///< the last sentence
  };

  Wording() = default;
  Wording(const Wording&) = delete;
  Wording& operator=(const Wording&) = delete;
  virtual ~Wording() = default;

  virtual std::string note(Note about, std::string_view sentence) const = 0;
  /// An event of the room.
  virtual std::string event(const RoomMessage& message) const = 0;
  /// The name is taken; the latest messages follow.
  virtual std::string welcome(std::string_view name, std::size_t max_line) const = 0;
  /// For the sender of a whisper.
  virtual std::string sent(std::string_view to, std::string_view text) const = 0;
  /// Who is here.
  virtual std::string names(const std::vector<std::string>& names) const = 0;
};

}  // namespace chat
