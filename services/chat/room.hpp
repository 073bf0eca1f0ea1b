#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/chat/room_message.hpp"
#include "services/chat/roster.hpp"
#include "services/chat/will.hpp"

#include <prefork/context.hpp>
#include <prefork/topic.hpp>

namespace chat {

/// What all workers, and all services of the chat, share about the room, as one of them works on it: who is in it (the
/// roster), what is said (the topic), and that members who leave are announced whatever happens.
///
/// Each join and each departure is announced at least once, with the number of the join, so that a receiver of two
/// announcements (the member's worker, or the one that announced its departure, was killed in between) can drop the
/// second: Audience does.
class Room {
 public:
  static void describe(prefork::Manifest& manifest);

  explicit Room(prefork::Context& context);
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  prefork::Task<void> start();
  /// Finishes what could not be done at once, and looks after expired members and the will. Called once a second.
  void tick();
  /// The worker ends; its members have left.
  void stop();

  enum class Entry : std::uint8_t {
    done,
    taken,
    full,   ///< no room for more members
    later,  ///< nobody can be told just now
  };
  /// Takes the member in under its name and announces it. Fills in `worker` of connected members, and `join`.
  Entry enter(Member& member);
  /// Announces that the member left, and frees its name: now, or as soon as possible.
  void leave(std::string_view name, std::int64_t join);
  /// Announces the member if that was missed, and extends its expiry.
  /// @return false: it has left meanwhile
  bool renew(const Member& member, std::int64_t until);

  /// @return false: not possible now
  bool say(std::string_view name, std::int64_t join, std::string_view text);
  bool whisper(std::string_view name, std::int64_t join, std::int64_t to, std::string_view text);
  /// A member that is in the room.
  std::optional<Member> find(std::string_view name) const;
  /// All names, in order.
  std::vector<std::string> names() const;

  prefork::Topic& topic() const noexcept { return topic_; }

 private:
  struct Departure {
    std::string name;
    std::int64_t join;
  };

  std::int64_t moment();
  bool tell(RoomMessage::Kind kind, const Member& member);
  bool see_off(const std::string& name, std::int64_t join);
  bool execute(std::int64_t will);
  bool move_members(std::int64_t from, std::int64_t to);

  prefork::Context& context_;
  prefork::Topic& topic_;
  Roster roster_;
  Will will_;
  std::vector<Departure> owed_;
  std::int64_t last_us_ = 0;
};

}  // namespace chat
