#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "services/chat/room_message.hpp"

namespace chat {

/// How a kind of client is told things: each as one or more lines with their ends, or as nothing. Pure. All texts
/// that come in are UTF-8 without control characters.
class Wording {
 public:
  /// What a sentence of the server's own is about.
  enum class Note : std::uint8_t {
    answer,
    question,  ///< the client's name is asked for
    loss,      ///< the client has missed something
    farewell,  ///< the last one
  };

  Wording() = default;
  Wording(const Wording&) = delete;
  Wording& operator=(const Wording&) = delete;
  virtual ~Wording() = default;

  virtual std::string note(Note about, std::string_view sentence) const = 0;
  /// Of the room.
  virtual std::string event(const RoomMessage& message) const = 0;
  /// The name is taken; what was said last follows.
  virtual std::string welcome(std::string_view name, std::size_t max_line) const = 0;
  /// To the sender of a whisper.
  virtual std::string sent(std::string_view to, std::string_view text) const = 0;
  /// Who is here.
  virtual std::string names(const std::vector<std::string>& names) const = 0;
};

}  // namespace chat
