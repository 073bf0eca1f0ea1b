#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <prefork/manifest.hpp>
#include <prefork/table.hpp>

namespace chat {

/// One member, as in the roster.
struct Member {
  enum class Transport : std::uint8_t {
    stream,    ///< a connection: TCP or WebSocket
    datagram,  ///< receives nothing
  };

  std::string name;         ///< as the member spelled it
  std::int64_t worker = 0;  ///< the will (services/chat/will.hpp) that includes this member; 0: none
  std::int64_t join = 0;    ///< unique
  Transport transport = Transport::stream;
  std::string address;
  bool told = false;       ///< its join has been announced
  bool leaving = false;    ///< somebody is about to announce its departure
  std::int64_t until = 0;  ///< roster_clock_ms() at which somebody must look after it; 0: never

  prefork::Row read{};  ///< the row that it was read from
};

/// CLOCK_MONOTONIC: the same for all workers.
std::int64_t roster_clock_ms() noexcept;

constexpr std::string_view kRoster = "chat-roster";

/// Another worker stands still in the middle of changing what is needed of the roster or the numbers.
class RosterBusy : public std::runtime_error {
 public:
  RosterBusy() : std::runtime_error("the roster is held by a worker that stands still") {}
};

/// Who is in the room, over all workers and services: a table whose keys are the folded names. Each call may throw
/// RosterBusy; nothing has changed then.
class Roster {
 public:
  static void describe(prefork::Manifest& manifest);

  explicit Roster(prefork::Table& table) noexcept : table_(table) {}

  enum class Entry : std::uint8_t { done, taken, full };
  /// Claims the name: of several that try at once, one gets it.
  Entry enter(const Member& member);
  std::optional<Member> find(std::string_view name) const;
  /// Replaces what `member` was read from by `changed`. @return nullopt: somebody else was faster
  std::optional<Member> change(const Member& member, Member changed);
  void remove(const Member& member);
  std::vector<Member> all() const;

 private:
  prefork::Table& table_;
};

}  // namespace chat
